"""Memories: state that training writes but no optimizer trains."""

from .assignment_queue import AssignmentQueue
from .base import Memory, memories
from .feature_queue import FeatureQueue
from .initial_rows import initial_rows
from .memory_bank import MemoryBank
from .sharded_bank import ShardedMemoryBank

__all__ = [
    'AssignmentQueue',
    'FeatureQueue',
    'Memory',
    'MemoryBank',
    'ShardedMemoryBank',
    'initial_rows',
    'memories',
]
