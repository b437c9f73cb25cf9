"""Measures as pure functions of features and labels."""

from .geometry import alignment, dimension_std, effective_rank, uniformity
from .groups import group_features, group_quality
from .knn import knn_classify
from .linear import LinearFit, fit_linear
from .long_tail import accuracy_by_frequency
from .low_shot import low_shot
from .retrieval import retrieval
from .top_k import top_k_accuracy

__all__ = [
    'LinearFit',
    'accuracy_by_frequency',
    'alignment',
    'dimension_std',
    'effective_rank',
    'fit_linear',
    'group_features',
    'group_quality',
    'knn_classify',
    'low_shot',
    'retrieval',
    'top_k_accuracy',
    'uniformity',
]
