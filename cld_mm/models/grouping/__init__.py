"""Local grouping of one batch's features; imports only torch and scipy."""

from cld_mm.models.groups import Groups

from .kmeans import KMeansGrouping, kmeans
from .normalized_cuts import NormalizedCutsGrouping, normalized_cuts

__all__ = [
    'Groups',
    'KMeansGrouping',
    'NormalizedCutsGrouping',
    'kmeans',
    'normalized_cuts',
]
