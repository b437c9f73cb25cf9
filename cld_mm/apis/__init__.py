"""What scripts and notebooks call."""

from cld_mm.evaluation.feature_extraction import extract_features

__all__ = ['extract_features']
