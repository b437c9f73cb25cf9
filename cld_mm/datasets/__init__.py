"""Data: samplers and transforms beside mmpretrain's data sets."""

from . import transforms
from .seeded_sampler import SeededIndex, SeededSampler

__all__ = ['SeededIndex', 'SeededSampler', 'transforms']
