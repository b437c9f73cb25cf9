"""Explore images by their features: groups, duplicates, outliers, a subset, a map."""

from .explore import Exploration, explore_features

__all__ = ['Exploration', 'explore_features']
