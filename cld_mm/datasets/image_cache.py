"""Keep a small training set's decoded images in memory, shared by all loader processes.

Reading and decoding then happens once per run instead of once per epoch.
"""

import multiprocessing
import os
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from mmcv.transforms import BaseTransform
from mmengine.logging import print_log

from cld_mm.fileio.machine_memory import machine_memory

from .labels import all_datasets
from .loading_settings import parts_of, smallest_crop
from .transforms.load_image import DECODING_ERRORS, LoadImage

MEGABYTES = 1024  # at most, and at most an eighth of the machine's memory
_SAMPLE = 32


class CachedImages(BaseTransform):
    """LoadImage for images that are in memory; it reads those that are not.

    Args:
        load: reads an image that is not in memory.
        images: decoded images by path.
    """

    def __init__(self, load: LoadImage, images: dict[str, np.ndarray]) -> None:
        self.load = load
        self.images = images

    def transform(self, results: dict) -> dict | None:
        """Put the image under 'img'; None where a broken file is skipped."""
        image = self.images.get(results['img_path'])
        if image is None:
            return self.load(results)
        results['img'] = image
        results['img_shape'] = results['ori_shape'] = image.shape[:2]
        return results

    def __deepcopy__(self, memo: dict) -> 'CachedImages':
        return self  # parts of a dataset share the images


def cache_images(dataset: Any, megabytes: int = MEGABYTES) -> None:
    """Decode the images of training datasets that fit in memory.

    Only where the pipeline makes random views of whole images, so that each image is
    used many times, and where loader processes are forked, so that they share them.
    """
    if multiprocessing.get_start_method() != 'fork':
        return
    limit = min(megabytes * 2**20, (machine_memory() or 8 * 2**30) // 8)
    for node in all_datasets(dataset):
        transforms = parts_of(vars(node).get('pipeline'))
        load = transforms[0] if transforms else None
        if isinstance(load, LoadImage) and smallest_crop(transforms[1:]) is not None:
            size = _estimate(node, load)
            if 0 < size <= limit:
                limit -= size
                images = _decode_all(node, load)
                node.pipeline.transforms[0] = CachedImages(load, images)


def _decoded(load: LoadImage, record: dict) -> np.ndarray | None:
    try:
        return load.decode(load.read(record))
    except DECODING_ERRORS:
        return None  # reported where the image is used


def _estimate(dataset: Any, load: LoadImage) -> int:
    """Bytes of all decoded images, by a sample of them; 0 where none can be read."""
    indices = np.linspace(0, len(dataset) - 1, min(_SAMPLE, len(dataset)))
    found = [_decoded(load, dataset.get_data_info(int(index))) for index in indices]
    sizes = [image.nbytes for image in found if image is not None]
    return int(np.mean(sizes) * len(dataset)) if sizes else 0


def _decode_all(dataset: Any, load: LoadImage) -> dict[str, np.ndarray]:
    records = [dataset.get_data_info(index) for index in range(len(dataset))]
    with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:
        decoded = pool.map(lambda record: _decoded(load, record), records)
        images = {
            record['img_path']: image
            for record, image in zip(records, decoded, strict=True)
            if image is not None
        }
    megabytes = sum(image.nbytes for image in images.values()) / 2**20
    print_log(
        f'{len(images)} decoded images are kept in memory ({megabytes:.0f} MB).',
        'current',
    )
    return images
