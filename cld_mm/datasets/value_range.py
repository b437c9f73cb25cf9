"""Black and white of images with more than 8 bits, decided once for a dataset."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path, PurePath
from typing import Any

import numpy as np
from mmengine.logging import print_log

from cld_mm.datasets.transforms.load_image import LoadImage
from cld_mm.fileio.image_decoding import native_pixels, printable
from cld_mm.fileio.image_depth import Range, guess_range

from .labels import all_datasets

SAMPLE = 32  # images that are read to decide
# A path, and a function that reads its pixels, stored range and whether it is a TIFF.
File = tuple[str, Callable[[], tuple[np.ndarray, Range | None, bool]]]
EIGHT_BITS = {'.jpg', '.jpeg', '.gif', '.webp', '.bmp', '.mpo'}


def _loaders(dataset: Any) -> Iterator[LoadImage]:
    for node in all_datasets(dataset):
        pipeline = vars(node).get('pipeline')
        yield from (
            part
            for part in getattr(pipeline, 'transforms', [])
            if isinstance(part, LoadImage)
        )


def decide_value_range(dataset: Any) -> None:
    """Set ``value_range`` of a dataset's LoadImage where it is 'auto', and log it.

    From the metadata of a sample of its images, or else from their pixels; it stays
    'auto' where none of them has more than 8 bits.
    """
    for node in all_datasets(dataset):
        loaders = [x for x in _loaders(node) if x.value_range == 'auto']
        if not loaders or not hasattr(node, 'get_data_info'):
            continue
        found = _sample_range(_records(node, loaders[0]))
        if found is not None:
            for loader in loaders:
                loader.value_range = found
            if isinstance(vars(node).get('_metainfo'), dict):
                node._metainfo['value_range'] = found


def value_range_of(dataset: Any) -> Range | None:
    """The range that was decided or set for a dataset; None for 8-bit images.

    For several folders it covers the range of each.
    """
    found = [x.value_range for x in _loaders(dataset)]
    ranges = [x for x in found if not isinstance(x, str)]
    if not ranges:
        return None
    return min(low for low, _ in ranges), max(high for _, high in ranges)


def value_range_of_files(files: Sequence[str | Path]) -> Range | None:
    """The range that a sample of these files suggests; None for 8-bit images."""
    loader = LoadImage()
    records = [{'img_path': str(files[i])} for i in _spread(len(files))]
    return _sample_range((r['img_path'], partial(_read, loader, r)) for r in records)


def use_value_range(dataset: Any, value_range: Range | None) -> None:
    """Give a dataset the range of another one, such as that of training."""
    for loader in _loaders(dataset):
        if value_range is not None and not loader.range_was_set:
            loader.value_range = value_range


def _spread(number: int) -> list[int]:
    """Indices of the sample."""
    return np.linspace(0, number - 1, min(SAMPLE, number)).astype(int).tolist()


def _records(dataset: Any, loader: LoadImage) -> Iterator[File]:
    for index in _spread(len(dataset)):
        record = dataset.get_data_info(index)
        yield record.get('img_path', ''), partial(_read, loader, record)


def _read(
    loader: LoadImage, record: dict[str, Any]
) -> tuple[np.ndarray, Range | None, bool]:
    return native_pixels(loader.read(record), loader.max_pixels)


def _sample_range(files: Iterable[File]) -> Range | None:
    pixels, stored, example = [], [], ''
    for path, read in files:
        if not path or PurePath(path).suffix.lower() in EIGHT_BITS:
            continue
        try:
            image, known, _ = read()
        except Exception:  # noqa: S112 a broken image is reported where it is loaded
            continue
        if image.dtype == np.uint8:
            continue
        example = path
        stored += [known] if known else []
        pixels.append(image)
    if not pixels:
        return None
    found = max(stored) if len(stored) == len(pixels) else guess_range(pixels)
    source = 'metadata' if len(stored) == len(pixels) else 'values'
    print_log(
        f'images such as {printable(example)} have more than 8 bits: value_range='
        f'({found[0]:g}, {found[1]:g}) by the {source} of {len(pixels)} images (set it '
        'in LoadImage to choose another).',
        'current',
    )
    return found
