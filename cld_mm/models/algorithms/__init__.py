"""Algorithms: views in, loss parts out."""

import cld_mm.registry  # noqa: F401 applies version shims before mmpretrain

from .base import BaseAlgorithm
from .byol import BYOL
from .cross_level import CrossLevel
from .infomin import InfoMin
from .moco import MoCo
from .npid import NPID

__all__ = ['BYOL', 'NPID', 'BaseAlgorithm', 'CrossLevel', 'InfoMin', 'MoCo']
