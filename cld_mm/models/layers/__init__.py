"""Layers: parts of necks."""

from .norm_linear import NormLinear
from .pooling import check_channels, pooled

__all__ = ['NormLinear', 'check_channels', 'pooled']
