"""Data: datasets, samplers and transforms beside mmpretrain's."""

from cld_mm.datasets.samplers.shard_sampler import ShardSampler

from . import transforms
from .class_names import AlignedClasses, align_classes, read_class_names
from .folders import CheckedImageNet, ImageFolder
from .frames import Frames
from .image_arrays import ImageArrays
from .image_source import ImageSource, build_image_dataset
from .imagenet_subset import ImageNetSubset
from .in_memory_views import InMemoryViews, whole_batch
from .mnist import CheckedFashionMNIST, CheckedMNIST
from .object_ids import assign_object_ids
from .samplers.seeded_sampler import SeededIndex, SeededSampler
from .stl10 import STL10
from .subsets import HeldOut, LabeledFraction, LongTailed
from .table_images import TableImages
from .tar_shards import TarShards
from .wrappers import (
    SeededClassBalancedDataset,
    SeededConcatDataset,
    SeededRepeatDataset,
)

__all__ = [
    'STL10',
    'AlignedClasses',
    'CheckedFashionMNIST',
    'CheckedImageNet',
    'CheckedMNIST',
    'Frames',
    'HeldOut',
    'ImageArrays',
    'ImageFolder',
    'ImageNetSubset',
    'ImageSource',
    'InMemoryViews',
    'LabeledFraction',
    'LongTailed',
    'SeededClassBalancedDataset',
    'SeededConcatDataset',
    'SeededIndex',
    'SeededRepeatDataset',
    'SeededSampler',
    'ShardSampler',
    'TableImages',
    'TarShards',
    'align_classes',
    'assign_object_ids',
    'build_image_dataset',
    'read_class_names',
    'transforms',
    'whole_batch',
]
