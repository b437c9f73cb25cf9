"""What scripts and notebooks call."""

from cld_mm.evaluation.feature_extraction import extract_features

from .embeddings import Embeddings

__all__ = ['Embeddings', 'extract_features']
