"""Algorithms: views in, loss parts out."""

from .base import BaseAlgorithm
from .byol import BYOL
from .infomin import InfoMin
from .moco import MoCo
from .npid import NPID

__all__ = ['BYOL', 'NPID', 'BaseAlgorithm', 'InfoMin', 'MoCo']
