"""Evaluation: pure functions that know no training."""

from .functional import (
    LinearFit,
    accuracy_by_frequency,
    alignment,
    dimension_std,
    effective_rank,
    fit_linear,
    group_quality,
    knn_classify,
    low_shot,
    retrieval,
    top_k_accuracy,
    uniformity,
)

__all__ = [
    'LinearFit',
    'accuracy_by_frequency',
    'alignment',
    'dimension_std',
    'effective_rank',
    'fit_linear',
    'group_quality',
    'knn_classify',
    'low_shot',
    'retrieval',
    'top_k_accuracy',
    'uniformity',
]
