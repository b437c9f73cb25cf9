"""Loops beside mmengine's."""

from .knn_loop import KNNLoop
from .resumable import ResumableEpochLoop, ResumableIterLoop

__all__ = ['KNNLoop', 'ResumableEpochLoop', 'ResumableIterLoop']
