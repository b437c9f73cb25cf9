"""Engine: hooks, loops and optimiser wrappers for mmengine's Runner."""

from . import hooks, loops, optim_wrappers
from .runner import QuietRunner

__all__ = ['QuietRunner', 'hooks', 'loops', 'optim_wrappers']
