"""Optimizer wrappers beside mmengine's."""

from .amp import CPUAmpOptimWrapper, build_amp_optim_wrapper

__all__ = ['CPUAmpOptimWrapper', 'build_amp_optim_wrapper']
