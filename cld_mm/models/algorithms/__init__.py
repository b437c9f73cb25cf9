"""Algorithms: views in, loss parts out."""

from .base import BaseAlgorithm
from .infomin import InfoMin
from .moco import MoCo
from .npid import NPID

__all__ = ['NPID', 'BaseAlgorithm', 'InfoMin', 'MoCo']
