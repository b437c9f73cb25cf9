"""Evaluation of frozen features; it knows nothing of training."""

from .functional import knn_classify

__all__ = ['knn_classify']
