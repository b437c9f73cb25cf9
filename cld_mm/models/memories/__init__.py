"""Memories: features of earlier steps that serve as negatives."""

from .feature_queue import FeatureQueue
from .memory_bank import MemoryBank

__all__ = ['FeatureQueue', 'MemoryBank']
