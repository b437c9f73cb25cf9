"""Memories: features of earlier steps that serve as negatives."""

from .feature_queue import FeatureQueue

__all__ = ['FeatureQueue']
