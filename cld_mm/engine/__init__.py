"""Engine: hooks, loops, model and optimiser wrappers for mmengine's Runner."""

from . import checkpoint, hooks, loops, model_wrappers, optim_wrappers, schedulers
from .runner import ResumableRunner

__all__ = [
    'ResumableRunner',
    'checkpoint',
    'hooks',
    'loops',
    'model_wrappers',
    'optim_wrappers',
    'schedulers',
]
