"""A sample of a config's images: as stored, and as features."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from mmengine.config import Config
from mmengine.dataset import default_collate
from mmengine.logging import print_log
from torch import Tensor
from torch.utils.data import DataLoader, Subset

from cld_mm.datasets.stored_images import stored_image
from cld_mm.registry import DATASETS, enter_scope

from .feature_extraction import extract_features
from .test_data import label_of, test_dataset


@dataclass
class ImageSample:
    """Some images of a dataset.

    Attributes:
        dataset: the dataset, in the test transform.
        indices: of the images in it.
        labels: class of each image ``(N,)``, or None where they are unlabeled.
        classes: names of the classes; empty without labels.
    """

    dataset: Any
    indices: list[int]
    labels: np.ndarray | None
    classes: list[str]

    def __len__(self) -> int:
        return len(self.indices)

    def image(self, index: int, side: int | None = None) -> np.ndarray:
        """An image as it is stored, ``(H, W)`` or ``(H, W, 3)`` RGB bytes."""
        return stored_image(self.dataset, self.indices[index], side)

    def name(self, index: int) -> str:
        """The class of an image, or else its file name or number."""
        if self.labels is not None:
            return self.classes[self.labels[index]]
        info = self.dataset.get_data_info(self.indices[index])
        path = info.get('img_path')
        return Path(path).name if path else f'image {self.indices[index]}'

    def features(self, model: Any) -> dict[str, Tensor]:
        """Features ``(N, C)`` of each kind, on the CPU."""
        loader = DataLoader(
            Subset(self.dataset, self.indices), 100, collate_fn=default_collate
        )
        found = extract_features(model, loader)
        return {name: value for name, value in found.items() if name != 'labels'}


def take_sample(cfg: Config, number: int) -> ImageSample:
    """Evenly spread images of the test data, or else of the training data.

    Raises:
        ValueError: ``number`` is below 3, or the config names no images.
    """
    if number < 3:
        raise ValueError(f'{number} images are too few for a sample: take 3 or more.')
    config = test_dataset(cfg)
    enter_scope(cfg.get('default_scope'))
    dataset = DATASETS.build(config)
    spread = np.linspace(0, len(dataset) - 1, min(number, len(dataset))).round()
    indices = [int(index) for index in spread]
    if 'skip' in str(config):  # as in training, broken files are skipped
        indices = _readable(dataset, indices)
    labels = np.array([label_of(dataset.get_data_info(i)) for i in indices])
    if labels.min(initial=0) < 0:
        return ImageSample(dataset, indices, None, [])
    known = dataset.metainfo.get('classes') or []
    count = max(len(known), int(labels.max(initial=0)) + 1)
    classes = [str(known[i]) if i < len(known) else str(i) for i in range(count)]
    return ImageSample(dataset, indices, labels, classes)


def _readable(dataset: Any, indices: list[int]) -> list[int]:
    found = []
    for index in indices:
        try:
            stored_image(dataset, index)
        except (OSError, ValueError):
            continue
        found.append(index)
    if len(found) < len(indices):
        skipped = len(indices) - len(found)
        print_log(f'{skipped} broken images were skipped.', 'current', 30)
    return found
