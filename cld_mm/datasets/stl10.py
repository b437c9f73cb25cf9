"""STL-10: 96×96 photos, of which 100,000 carry no label.

Source: Coates, Ng, Lee, "An Analysis of Single Layer Networks in Unsupervised Feature
Learning", 2011; the CLD release trains on "train" and on "train+unlabeled".
"""

from pathlib import Path
from typing import Any

import numpy as np
from mmpretrain.datasets import BaseDataset

from cld_mm.registry import DATASETS

CLASSES = (
    'airplane',
    'bird',
    'car',
    'cat',
    'deer',
    'dog',
    'horse',
    'monkey',
    'ship',
    'truck',
)
SHAPE = (3, 96, 96)
# Where a label is unknown.
UNLABELED = -1


@DATASETS.register_module()
class STL10(BaseDataset):
    """STL-10 in its authors' binary files; images are RGB.

    Pixels are read from the files when an image is asked for, so the unlabeled
    part's 2.7 GB are not held in memory.

    Args:
        data_root: folder of ``stl10_binary`` (or that folder itself).
        split: parts joined by '+': 'train', 'test', 'unlabeled',
            'train+unlabeled'. An unlabeled image's ``gt_label`` is -1.
        **kwargs: as in mmpretrain's BaseDataset.

    Raises:
        ValueError: a part of ``split`` is unknown, or a file is not whole.
        FileNotFoundError: a file is missing.
    """

    METAINFO = {'classes': CLASSES}

    def __init__(self, data_root: str, split: str = 'train', **kwargs: Any) -> None:
        parts = split.split('+')
        unknown = set(parts) - {'train', 'test', 'unlabeled'}
        if unknown:
            raise ValueError(
                f'split is {split!r}, but STL-10 has the parts train, test and '
                "unlabeled: name one, or several joined by '+'."
            )
        self.parts = parts
        super().__init__(ann_file='', data_root=data_root, **kwargs)

    def load_data_list(self) -> list[dict]:
        """Every image's part, place in it and label."""
        folder = Path(self.data_root).expanduser()
        if (folder / 'stl10_binary').is_dir():
            folder = folder / 'stl10_binary'
        self._pixels = {}
        data_list = []
        for part in self.parts:
            self._pixels[part] = _map_images(folder / f'{part}_X.bin')
            count = len(self._pixels[part])
            labels = np.full(count, UNLABELED)
            if part != 'unlabeled':
                labels = _read(folder / f'{part}_y.bin').astype(int) - 1
            if len(labels) != count:
                raise ValueError(
                    f'{folder} has {count} {part} images but {len(labels)} labels: '
                    'fetch the files again.'
                )
            least = UNLABELED if part == 'unlabeled' else 0
            wrong = np.flatnonzero((labels < least) | (labels >= len(CLASSES)))
            if len(wrong):
                raise ValueError(
                    f'{folder / part}_y.bin: label number {wrong[0] + 1} is '
                    f'{labels[wrong[0]] + 1}, not 1 to {len(CLASSES)}: fetch it again.'
                )
            data_list += [
                {'part': part, 'place': place, 'gt_label': int(label)}
                for place, label in enumerate(labels)
            ]
        return data_list

    def get_data_info(self, idx: int) -> dict:
        """The image, ``(96, 96, 3)`` uint8, and its label."""
        info = super().get_data_info(idx)
        columns_first = self._pixels[info['part']][info['place']]  # 3×W×H in the file
        info['img'] = np.ascontiguousarray(columns_first.transpose(2, 1, 0))
        return info


def _read(path: Path) -> np.ndarray:
    if not path.is_file():
        raise FileNotFoundError(
            f'{path} is missing: run '
            '"python tools/dataset_converters/prepare.py stl10".'
        )
    return np.memmap(path, dtype=np.uint8, mode='r')


def _map_images(path: Path) -> np.ndarray:
    pixels = _read(path)
    if len(pixels) % np.prod(SHAPE):
        raise ValueError(
            f'{path} has {len(pixels)} bytes, no multiple of an image of {SHAPE}: '
            'fetch it again.'
        )
    return pixels.reshape(-1, *SHAPE)
