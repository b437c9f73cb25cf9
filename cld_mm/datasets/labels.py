"""Labels of any dataset, and parts of any dataset, wrapped or not.

mmengine's wrappers (concatenated, repeated, class-balanced) know neither
``get_gt_labels`` nor ``get_subset``.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from mmengine.dataset import BaseDataset
from mmpretrain.datasets import MultiLabelDataset
from torch.utils.data import Dataset

from .samplers.seeded_sampler import with_seed


def inner_datasets(dataset: Any) -> list[Any]:
    """The datasets that a wrapper holds; empty for any other dataset."""
    held = vars(dataset)
    return [
        *held.get('datasets', []),
        *([held['dataset']] if 'dataset' in held else []),
    ]


def all_datasets(dataset: Any) -> Iterator[Any]:
    """A dataset and all that it wraps, at any depth; outer ones first."""
    yield dataset
    for inner in inner_datasets(dataset):
        yield from all_datasets(inner)


def has_labels(dataset: Any) -> bool:
    """Whether the images have labels, by the first one's record."""
    if not hasattr(dataset, 'get_data_info') or len(dataset) == 0:
        return False
    return 'gt_label' in dataset.get_data_info(0)


def require_labels(dataset: Any, use: str) -> None:
    """Check, by its first image, that a dataset has one label per image.

    Args:
        dataset: any dataset.
        use: what needs the labels, for the message.

    Raises:
        ValueError: the images have no labels, or several each.
    """
    if not has_labels(dataset):
        raise ValueError(
            f'{use} needs labels, but the images of this {type(dataset).__name__} have '
            'none: give them as class folders, or as a list or CSV file with labels '
            '(with_label=True).'
        )
    several = any(isinstance(x, MultiLabelDataset) for x in all_datasets(dataset))
    if several or np.size(dataset.get_data_info(0)['gt_label']) != 1:
        raise ValueError(
            f'{use} supports one label per image, but this dataset has several: '
            'multi-label data are not supported.'
        )


def read_labels(dataset: Any) -> np.ndarray:
    """``(N,)``: the class number of each image, -1 where it is unknown.

    Raises:
        ValueError: the images have no labels, or one has several.
    """
    require_labels(dataset, 'this')
    labels = [dataset.get_data_info(i)['gt_label'] for i in range(len(dataset))]
    for index, label in enumerate(labels):
        if np.size(label) != 1:
            raise ValueError(
                f'image {index} has {np.size(label)} labels: only datasets with one '
                'label per image are supported here.'
            )
    return np.array([int(np.asarray(label).item()) for label in labels])


def take_images(dataset: Any, indices: Sequence[int]) -> Any:
    """The images at these indices, as a dataset of the same kind where possible."""
    indices = [int(index) for index in indices]
    if isinstance(dataset, BaseDataset) or hasattr(dataset, 'renumber_labels'):
        return dataset.get_subset(indices)
    return DatasetPart(dataset, indices)


class DatasetPart(Dataset):
    """Some images of a wrapped dataset; a sample keeps the seed of its index.

    Args:
        dataset: any dataset.
        indices: of the images in it.
    """

    def __init__(self, dataset: Any, indices: Sequence[int]) -> None:
        self.dataset = dataset
        self.indices = list(indices)

    @property
    def metainfo(self) -> dict[str, Any]:
        """That of the whole."""
        return self.dataset.metainfo

    def __len__(self) -> int:
        return len(self.indices)

    def __getitem__(self, index: int) -> Any:
        return self.dataset[with_seed(self.indices[index], index)]

    def get_data_info(self, index: int) -> dict[str, Any]:
        """The record of an image."""
        return self.dataset.get_data_info(self.indices[index])

    def full_init(self) -> None:
        """Load the whole, if it was not loaded yet."""
        self.dataset.full_init()
