"""Checkpoints that are whole or not there, and hold all that a resumed run needs."""

from .files import CheckpointError, Label, damage, read_label, write_checkpoint
from .find import newest_good
from .rank_state import gather_rank_states, restore_rank_state
from .stop import StoppedBySignal, StopSignals
from .writer import CheckpointWriter, snapshot

__all__ = [
    'CheckpointError',
    'CheckpointWriter',
    'Label',
    'StopSignals',
    'StoppedBySignal',
    'damage',
    'gather_rank_states',
    'newest_good',
    'read_label',
    'restore_rank_state',
    'snapshot',
    'write_checkpoint',
]
