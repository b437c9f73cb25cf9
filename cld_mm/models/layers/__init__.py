"""Layers: parts of necks."""

from .norm_linear import NormLinear
from .pooling import pooled

__all__ = ['NormLinear', 'pooled']
