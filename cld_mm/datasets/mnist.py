"""MNIST and Fashion-MNIST whose files are checked against each other.

mmpretrain's pairs images and labels up to the shorter file, takes any label, and
downloads missing files over http.
"""

from pathlib import Path

import numpy as np
from mmpretrain.datasets import MNIST, FashionMNIST

from cld_mm.registry import DATASETS


def read_idx(path: Path, dimensions: int) -> np.ndarray:
    """A file in the idx format of bytes, of so many dimensions.

    Raises:
        FileNotFoundError: there is none.
        ValueError: it is another kind of file, or not whole.
    """
    if not path.is_file():
        raise FileNotFoundError(
            f'{path} is missing: run '
            '"python tools/dataset_converters/prepare.py fashion-mnist".'
        )
    data = path.read_bytes()
    head = 4 * (dimensions + 1)
    if len(data) < head or data[:4] != bytes([0, 0, 8, dimensions]):
        raise ValueError(
            f'{path} is not an uncompressed idx file of bytes in {dimensions} '
            'dimensions: fetch it again.'
        )
    shape = [int(size) for size in np.frombuffer(data[4:head], '>u4')]
    wanted = head + int(np.prod(shape, dtype=object))
    if len(data) != wanted:
        raise ValueError(
            f'{path} has {len(data)} bytes, but its header says {wanted}: fetch it '
            'again.'
        )
    return np.frombuffer(data, np.uint8, offset=head).reshape(shape).copy()


class _Checked:
    """Mixin: read the two files of a split and check them."""

    def load_data_list(self) -> list[dict]:
        """Images ``(H, W)`` uint8 and labels."""
        names = self.train_list if self.split == 'train' else self.test_list  # type: ignore[attr-defined]
        root = Path(self.data_prefix['root']).expanduser()  # type: ignore[attr-defined]
        paths = [root / name.removesuffix('.gz') for name, _ in names]
        images, labels = read_idx(paths[0], 3), read_idx(paths[1], 1)
        if len(images) != len(labels):
            raise ValueError(
                f'{paths[1]} has {len(labels)} labels, but {paths[0].name} '
                f'{len(images)} images: bring the files of one dataset.'
            )
        classes = len(self.metainfo['classes'])  # type: ignore[attr-defined]
        wrong = np.flatnonzero(labels >= classes)
        if len(wrong):
            raise ValueError(
                f'{paths[1]}: label number {wrong[0] + 1} is {labels[wrong[0]]}, but '
                f'there are {classes} classes, counted from 0: fetch it again.'
            )
        return [
            {'img': image, 'gt_label': label}
            for image, label in zip(images, labels.tolist(), strict=True)
        ]


@DATASETS.register_module()
class CheckedMNIST(_Checked, MNIST):
    """mmpretrain's MNIST with checked files."""


@DATASETS.register_module()
class CheckedFashionMNIST(_Checked, FashionMNIST):
    """mmpretrain's FashionMNIST with checked files."""
