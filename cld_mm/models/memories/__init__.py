"""Memories: features of earlier steps that serve as negatives."""

from .assignment_queue import AssignmentQueue
from .feature_queue import FeatureQueue
from .initial_rows import initial_rows
from .memory_bank import MemoryBank
from .sharded_bank import ShardedMemoryBank

__all__ = [
    'AssignmentQueue',
    'FeatureQueue',
    'MemoryBank',
    'ShardedMemoryBank',
    'initial_rows',
]
