"""Moons: images that are drawn, not read, so they need no pipeline."""

import math
from typing import Any

import torch
from mmengine.dataset import BaseDataset
from mmpretrain.structures import DataSample
from torch import Tensor

from cld_mm.registry import DATASETS


@DATASETS.register_module()
class Moons(BaseDataset):
    """Crescents that open upwards (class 0) or downwards (class 1).

    Args:
        images: number of images.
        num_views: noisy views of each image.
        size: height and width in pixels.
    """

    METAINFO = {'classes': ('up', 'down')}

    def __init__(self, images: int, num_views: int = 1, size: int = 16) -> None:
        self.images, self.num_views, self.size = images, num_views, size
        super().__init__(serialize_data=False)

    def load_data_list(self) -> list[dict]:
        """The labels; images are drawn when they are asked for."""
        return [{'gt_label': index % 2} for index in range(self.images)]

    def prepare_data(self, idx: int) -> dict[str, Any]:
        """One sample. ``idx.seed``, if there, makes resumed runs bit-exact."""
        label = self.get_data_info(idx)['gt_label']
        seed = getattr(idx, 'seed', int(idx)) % 2**62
        generator = torch.Generator().manual_seed(seed)
        views = [self._draw(label, generator) for _ in range(self.num_views)]
        sample = DataSample().set_gt_label(label)
        sample.set_field(int(idx), 'sample_idx', field_type='metainfo')
        return {
            'inputs': views if self.num_views > 1 else views[0],
            'data_samples': sample,
        }

    def _draw(self, label: int, generator: torch.Generator) -> Tensor:
        angles = math.pi * torch.rand(40, generator=generator)
        sign = 1 if label else -1
        middle, radius = self.size / 2, self.size / 3
        x = middle + radius * angles.cos()
        y = middle - sign * radius * (angles.sin() - 0.5)
        image = 40 * torch.rand(3, self.size, self.size, generator=generator)
        image[:, y.long(), x.long()] = 255
        return image.to(torch.uint8)
