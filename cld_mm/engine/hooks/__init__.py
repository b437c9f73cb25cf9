"""Hooks: what happens around an iteration."""

from .dataset_size import DatasetSizeHook
from .momentum_update import MomentumUpdateHook
from .non_finite_loss import NonFiniteLossHook
from .progress_bar import ProgressBarHook

__all__ = [
    'DatasetSizeHook',
    'MomentumUpdateHook',
    'NonFiniteLossHook',
    'ProgressBarHook',
]
