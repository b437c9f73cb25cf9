"""Loops beside mmengine's."""

from .epoch_loop import ResumableEpochLoop
from .iter_loop import ResumableIterLoop
from .knn_loop import KNNLoop

__all__ = ['KNNLoop', 'ResumableEpochLoop', 'ResumableIterLoop']
