"""Measures as pure functions of features and labels."""

from .geometry import alignment, dimension_std, effective_rank, uniformity
from .groups import group_quality
from .knn import knn_classify
from .long_tail import accuracy_by_frequency
from .retrieval import retrieval

__all__ = [
    'accuracy_by_frequency',
    'alignment',
    'dimension_std',
    'effective_rank',
    'group_quality',
    'knn_classify',
    'retrieval',
    'uniformity',
]
