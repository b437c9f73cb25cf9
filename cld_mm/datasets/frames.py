"""Frames: few scenes, many near-identical images of each, as video has them.

The paper's Kitchen-HC (CLD, arXiv 2008.03813, section 4) is such data; here it is made
of any dataset of small images.
"""

from typing import Any

import numpy as np
import torch
from mmpretrain.datasets import BaseDataset

from cld_mm.augmentation.moved_images import moved_images
from cld_mm.registry import DATASETS

from .pipelines import with_pipeline


@DATASETS.register_module()
class Frames(BaseDataset):
    """Some images of a dataset, each seen many times from slightly elsewhere.

    Args:
        dataset: config of a dataset whose images are arrays of one size.
        scenes: how many images, the same number of each class as nearly as possible.
        frames: copies of each, shifted by up to 2 pixels, rotated by up to 5 degrees
            and scaled by up to 10 %.
        seed: of the choice and the moves.
        **kwargs: as in mmpretrain's BaseDataset (pipeline, test_mode).

    Raises:
        ValueError: there are fewer images than scenes, or a number is below 1.
    """

    def __init__(
        self,
        dataset: dict[str, Any],
        scenes: int,
        frames: int,
        seed: int = 0,
        **kwargs: Any,
    ) -> None:
        if scenes < 1 or frames < 1:
            raise ValueError(
                f'scenes and frames must be >= 1, got {scenes} and {frames}.'
            )
        self.source = dataset
        self.scenes = scenes
        self.frames = frames
        self.seed = seed
        super().__init__(ann_file='', **kwargs)

    def load_data_list(self) -> list[dict]:
        """The frames, scene by scene."""
        built = DATASETS.build(with_pipeline(self.source, []))
        if len(built) < self.scenes:
            raise ValueError(
                f'{len(built)} images are fewer than {self.scenes} scenes.'
            )
        self._metainfo.update(built.metainfo)
        chosen = self._choose(np.asarray(built.get_gt_labels()))
        infos = [built.get_data_info(int(index)) for index in chosen]
        images = torch.from_numpy(np.stack([info['img'] for info in infos]))
        images = images.reshape(*images.shape[:3], -1).permute(0, 3, 1, 2)
        copies = images.repeat_interleave(self.frames, dim=0)
        moved = moved_images(copies, 2, 5, (0.9, 1.1), self.seed)
        pixels = moved.permute(0, 2, 3, 1).squeeze(-1).numpy()
        labels = [int(info['gt_label']) for info in infos]
        return [
            {'img': image, 'gt_label': labels[number // self.frames]}
            for number, image in enumerate(pixels)
        ]

    def _choose(self, labels: np.ndarray) -> np.ndarray:
        """Indices of the scenes: the classes take turns."""
        generator = np.random.default_rng(self.seed)
        order = generator.permutation(len(labels))
        turn = np.empty(len(labels), dtype=int)
        for label in np.unique(labels):
            own = order[labels[order] == label]
            turn[own] = np.arange(len(own))
        return order[np.argsort(turn[order], kind='stable')][: self.scenes]
