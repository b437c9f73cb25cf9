"""InMemoryViews: a small dataset as one tensor; a batch is one index operation.

CIFAR, Fashion-MNIST and similar datasets fit in memory. Where crop, colors
and flip are left to the device (ViewsPreprocessor), a batch is a selection of bytes and
a table of numbers, so loader processes are not needed.
"""

from collections.abc import Sequence
from copy import copy
from typing import Any

import numpy as np
import torch
from mmengine.registry import FUNCTIONS
from mmpretrain.structures import DataSample
from torch.utils.data import Dataset

from cld_mm.augmentation.view_parameters import ViewDistribution
from cld_mm.registry import DATASETS

from .class_names import renumber_leaf
from .labels import take_images
from .pipelines import with_pipeline
from .samplers.seeded_sampler import mix_seed, warn_without_seed


@DATASETS.register_module()
class InMemoryViews(Dataset):
    """The images of a dataset in memory, and the parameters of each one's views.

    An image's parameters are those that SeededMultiView and RandomView would draw from
    the same seed, so a resumed run continues bit-exactly. Use it with SeededSampler,
    ``collate_fn=dict(type='whole_batch')``, ``num_workers=0`` and a ViewsPreprocessor.

    Args:
        dataset: config of a dataset whose images are arrays of one size; it needs no
            pipeline.
        num_views: V.
        size: of the views' sides, pixels; not below the images', because the device
            only enlarges crops.
        **distribution: as in :class:`ViewDistribution`.

    Raises:
        ValueError: ``num_views`` is below 1, images differ in size or are files, or are
            larger than the views.
    """

    # Read by the config's check.
    needs_pipeline = False  # nor do the datasets in it
    passes_settings_to = ViewDistribution

    def __init__(
        self, dataset: dict[str, Any], num_views: int, size: int, **distribution: Any
    ) -> None:
        if num_views < 1:
            raise ValueError(f'num_views is {num_views}, but must be 1 or more: set 2.')
        self.dataset = DATASETS.build(with_pipeline(dataset, []))
        self.num_views = num_views
        self.size = size
        self.distribution = ViewDistribution(**distribution)
        infos = [self.dataset.get_data_info(i) for i in range(len(self.dataset))]
        self.images = _stacked(infos, size)
        labels = [int(np.asarray(info.get('gt_label', -1))) for info in infos]
        self.labels = torch.tensor(labels)

    def __len__(self) -> int:
        return len(self.images)

    def __getattr__(self, name: str) -> Any:
        if name == 'dataset' or name.startswith('__'):
            raise AttributeError(name)
        return getattr(self.dataset, name)  # metainfo, data_root, get_gt_labels, ...

    def get_subset(self, indices: Sequence[int]) -> 'InMemoryViews':
        """Some of the images, with views as here."""
        part = copy(self)
        part.dataset = take_images(self.dataset, indices)
        part.images, part.labels = self.images[indices], self.labels[indices]
        return part

    def renumber_labels(self, table: dict[int, int]) -> None:
        """Renumber the labels; see :mod:`.class_names`."""
        renumber_leaf(self.dataset, table)
        self.labels = torch.tensor([table.get(int(n), -1) for n in self.labels])

    def __getitem__(self, index: int) -> dict[str, Any]:
        return self.__getitems__([index])

    def __getitems__(self, indices: list) -> dict[str, Any]:
        """A whole batch.

        Args:
            indices: N indices, SeededIndex where SeededSampler chose them.

        Returns:
            ``inputs`` ``(N, C, H, W)`` uint8, ``augmentations`` ``(N, V, 16)``,
            ``crop_size`` and ``data_samples``.
        """
        rows = torch.tensor([int(index) for index in indices])
        height, width = self.images.shape[2:]
        drawn = [
            self.distribution.draw(_seeds(indices, view), height, width, self.size)
            for view in range(self.num_views)
        ]
        samples = []
        for index, label in zip(indices, self.labels[rows], strict=True):
            sample = DataSample().set_gt_label(label)
            sample.set_metainfo({'sample_idx': index})
            samples.append(sample)
        return {
            'inputs': self.images[rows],
            'augmentations': torch.from_numpy(np.stack(drawn, axis=1)),
            'crop_size': self.size,
            'data_samples': samples,
        }


def _seeds(indices: list, view: int) -> np.ndarray:
    """What SeededMultiView hands to RandomView; drawn where the index has no seed."""
    if not all(hasattr(index, 'seed') for index in indices):
        warn_without_seed()
    seeds = [
        mix_seed(index.seed, view, 0)
        if hasattr(index, 'seed')
        else int(np.random.randint(2**63, dtype=np.int64))
        for index in indices
    ]
    return np.array(seeds, dtype=np.uint64)


def _stacked(infos: list[dict], size: int) -> torch.Tensor:
    shapes = {np.shape(info.get('img', '')) for info in infos}
    if len(shapes) != 1 or len(shape := shapes.pop()) < 2:
        raise ValueError(
            'InMemoryViews needs arrays of one size, as CIFAR and Fashion-MNIST have '
            'them: leave image files to LoadImage and RandomView.'
        )
    if max(shape[:2]) > size:
        raise ValueError(
            f'the images have {shape[1]}×{shape[0]} pixels, more than the size {size}, '
            'but the device only enlarges crops: raise size.'
        )
    images = torch.from_numpy(np.stack([np.asarray(info['img']) for info in infos]))
    return images.reshape(*images.shape[:3], -1).permute(0, 3, 1, 2).contiguous()


@FUNCTIONS.register_module()
def whole_batch(batch: dict[str, Any]) -> dict[str, Any]:
    """The collate function of a dataset that hands over whole batches."""
    return batch
