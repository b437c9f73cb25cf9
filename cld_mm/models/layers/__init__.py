"""Layers: parts of necks."""

from .norm_linear import NormLinear

__all__ = ['NormLinear']
