"""Data: data sets, samplers and transforms beside mmpretrain's."""

from . import transforms
from .folders import CustomDataset, ImageNet
from .frames import Frames
from .image_arrays import ImageArrays
from .imagenet_subset import ImageNetSubset
from .in_memory_views import InMemoryViews, whole_batch
from .instances import instance_numbers
from .mnist import MNIST, FashionMNIST
from .seeded_sampler import SeededIndex, SeededSampler
from .stl10 import STL10
from .subsets import HeldOut, LabelledFraction, LongTailed
from .tar_shards import ShardSampler, TarShards
from .wrappers import ClassBalancedDataset, ConcatDataset, RepeatDataset

__all__ = [
    'MNIST',
    'STL10',
    'ClassBalancedDataset',
    'ConcatDataset',
    'CustomDataset',
    'FashionMNIST',
    'Frames',
    'HeldOut',
    'ImageArrays',
    'ImageNet',
    'ImageNetSubset',
    'InMemoryViews',
    'LabelledFraction',
    'LongTailed',
    'RepeatDataset',
    'SeededIndex',
    'SeededSampler',
    'ShardSampler',
    'TarShards',
    'instance_numbers',
    'transforms',
    'whole_batch',
]
