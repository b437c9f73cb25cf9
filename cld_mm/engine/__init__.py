"""Engine: hooks, loops and optimiser wrappers for mmengine's Runner."""

from . import checkpoint, hooks, loops, optim_wrappers
from .runner import QuietRunner

__all__ = ['QuietRunner', 'checkpoint', 'hooks', 'loops', 'optim_wrappers']
