"""Evaluation: pure functions that know no training."""

from .functional import (
    accuracy_by_frequency,
    alignment,
    dimension_std,
    effective_rank,
    group_quality,
    knn_classify,
    retrieval,
    uniformity,
)

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
