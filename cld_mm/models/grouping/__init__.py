"""Local grouping of one batch's features."""

from .base import Groups
from .kmeans import KMeansGrouping, kmeans
from .normalized_cuts import NormalizedCutsGrouping, normalized_cuts

__all__ = [
    'Groups',
    'KMeansGrouping',
    'NormalizedCutsGrouping',
    'kmeans',
    'normalized_cuts',
]
