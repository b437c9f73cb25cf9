"""ImageArrays: a small dataset as one NumPy file per split.

``tools/dataset_converters/folder_to_arrays.py`` writes them from folders of images.
"""

import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from mmpretrain.datasets import BaseDataset

from cld_mm.registry import DATASETS


def read_arrays(path: Path) -> dict[str, np.ndarray]:
    """``images`` (N, H, W, C) uint8, ``labels`` (N,) and ``classes`` of a file.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it holds something else, or its arrays do not fit together.
    """
    if not path.is_file():
        raise FileNotFoundError(
            f'{path} does not exist: write it with '
            '"python tools/dataset_converters/folder_to_arrays.py FOLDER OUT".'
        )
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in ('images', 'labels', 'classes')}
    except (KeyError, ValueError, OSError, EOFError, zipfile.BadZipFile) as error:
        raise ValueError(
            f'{path} is not a file of image arrays ({error}): convert the images again.'
        ) from error
    images, labels = arrays['images'], arrays['labels']
    if images.dtype != np.uint8 or images.ndim != 4 or labels.shape != images.shape[:1]:
        raise ValueError(
            f'{path} has images {images.dtype} {images.shape} and labels '
            f'{labels.shape}; expected uint8 (N, H, W, C) and (N,).'
        )
    if len(labels) and not 0 <= labels.min() <= labels.max() < len(arrays['classes']):
        raise ValueError(
            f'{path} has labels {labels.min()} to {labels.max()}, but '
            f'{len(arrays["classes"])} classes.'
        )
    return arrays


@DATASETS.register_module()
class ImageArrays(BaseDataset):
    """Images, labels and class names of ``data_root/<split>.npz``.

    Args:
        data_root: folder of the files.
        split: name of the file without its extension, such as 'train'.
        **kwargs: as in mmpretrain's BaseDataset (pipeline, indices, test_mode).
    """

    def __init__(self, data_root: str, split: str = 'train', **kwargs: Any) -> None:
        self.split = split
        super().__init__(ann_file='', data_root=data_root, **kwargs)

    def load_data_list(self) -> list[dict]:
        """One dict per image: ``img`` (H, W, C) uint8, RGB, and ``gt_label``."""
        arrays = read_arrays(Path(self.data_root).expanduser() / f'{self.split}.npz')
        self._metainfo.setdefault('classes', tuple(arrays['classes'].tolist()))
        return [
            {'img': image, 'gt_label': int(label)}
            for image, label in zip(arrays['images'], arrays['labels'], strict=True)
        ]
