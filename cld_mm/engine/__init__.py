"""Engine: hooks, loops, model and optimizer wrappers for mmengine's Runner."""

from . import (
    checkpoint,
    hooks,
    loops,
    model_wrappers,
    optim_wrappers,
    schedulers,
    trackers,
)
from .runner import ResumableRunner

__all__ = [
    'ResumableRunner',
    'checkpoint',
    'hooks',
    'loops',
    'model_wrappers',
    'optim_wrappers',
    'schedulers',
    'trackers',
]
