"""Checkpoints that are whole or not there, and hold all that a resumed run needs."""

from cld_mm.engine.preemption.signals import StoppedBySignal, StopSignals

from .discovery import newest_good
from .file_format import CheckpointError, Label, damage, read_label, write_checkpoint
from .rank_state import gather_rank_states, restore_rank_state

__all__ = [
    'CheckpointError',
    'Label',
    'StopSignals',
    'StoppedBySignal',
    'damage',
    'gather_rank_states',
    'newest_good',
    'read_label',
    'restore_rank_state',
    'write_checkpoint',
]
