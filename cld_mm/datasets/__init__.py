"""Data: data sets, samplers and transforms beside mmpretrain's."""

from . import transforms
from .imagenet_subset import ImageNetSubset
from .in_memory_views import InMemoryViews, whole_batch
from .instances import instance_numbers
from .seeded_sampler import SeededIndex, SeededSampler
from .stl10 import STL10
from .subsets import HeldOut, LabelledFraction, LongTailed
from .tar_shards import ShardSampler, TarShards

__all__ = [
    'STL10',
    'HeldOut',
    'ImageNetSubset',
    'InMemoryViews',
    'LabelledFraction',
    'LongTailed',
    'SeededIndex',
    'SeededSampler',
    'ShardSampler',
    'TarShards',
    'instance_numbers',
    'transforms',
    'whole_batch',
]
