"""Evaluation as pure functions of features and labels."""

from .knn import knn_classify

__all__ = ['knn_classify']
