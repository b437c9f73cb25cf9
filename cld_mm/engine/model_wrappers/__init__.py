"""Ways to spread a model over ranks, beside mmengine's MMDistributedDataParallel."""

from .fully_sharded import FullySharded

__all__ = ['FullySharded']
