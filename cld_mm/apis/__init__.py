"""What scripts and notebooks call."""

from .features import extract_features

__all__ = ['extract_features']
