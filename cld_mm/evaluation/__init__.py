"""Evaluation: pure functions that know no training, and metrics."""

from .feature_metrics import FeatureMetric, FrozenFeatures, feature_metrics
from .functional import (
    LinearFit,
    accuracy_by_frequency,
    alignment,
    dimension_std,
    effective_rank,
    fit_linear,
    group_features,
    group_quality,
    knn_classify,
    low_shot,
    retrieval,
    top_k_accuracy,
    uniformity,
)
from .sweep_accuracy import SweepAccuracy

__all__ = [
    'FeatureMetric',
    'FrozenFeatures',
    'LinearFit',
    'SweepAccuracy',
    'accuracy_by_frequency',
    'alignment',
    'dimension_std',
    'effective_rank',
    'feature_metrics',
    'fit_linear',
    'group_features',
    'group_quality',
    'knn_classify',
    'low_shot',
    'retrieval',
    'top_k_accuracy',
    'uniformity',
]
