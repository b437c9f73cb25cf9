"""Local grouping of one batch's features."""

from .base import Groups
from .kmeans import KMeansGrouping, kmeans

__all__ = ['Groups', 'KMeansGrouping', 'kmeans']
