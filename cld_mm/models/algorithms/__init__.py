"""Algorithms: views in, loss parts out."""

from .base import BaseAlgorithm
from .moco import MoCo

__all__ = ['BaseAlgorithm', 'MoCo']
