"""LoadImage: read an image file; a broken one names its path."""

import hashlib
import multiprocessing
import warnings
import zlib
from collections.abc import Sequence
from typing import Any

import numpy as np
from mmcv.transforms import BaseTransform
from mmengine import fileio
from PIL import Image

from cld_mm.datasets.shard_index import read_member
from cld_mm.fileio.image_decoding import (
    BANDS,
    MAX_PIXELS,
    BrokenImage,
    decode_image,
    printable,
    read_file,
)
from cld_mm.fileio.image_depth import Range
from cld_mm.registry import TRANSFORMS

# What decoders raise for damaged files; anything else is an error in the program.
DECODING_ERRORS = (
    *(OSError, SyntaxError, ValueError, EOFError, zlib.error, MemoryError),
    Image.DecompressionBombError,
)


@TRANSFORMS.register_module()
class LoadImage(BaseTransform):
    """Read ``img_path`` into ``img``, ``(H, W, 3)`` uint8 in the order B, G, R.

    Args:
        on_error: 'stop' ends the run with the file's path; 'skip' warns, and the
            dataset takes another image instead.
        max_skips: with 'skip', the most broken files (counted once each, over all
            workers of a rank) before the run ends.
        max_pixels: a larger image is broken; found in its header.
        smallest_crop: size and fraction of the area of the smallest crop that views are
            made of, such as ``(224, 0.2)``: large JPEGs are decoded at 1/2, 1/4 or 1/8
            of their sides where the crop still has that size. Views then differ by a
            few levels of 255. None: the whole size; 'auto': the smallest RandomView of
            the dataset's pipeline decides.
        value_range: the values of black and white in images of more than 8 bits;
            'auto': the dataset decides once, see :mod:`cld_mm.datasets.value_range`.
        bands: 'auto' refuses images with more bands than RGB and alpha, 'rgb' takes the
            first three, 'all' keeps bands and depth: ``(H, W, C)`` float32 with black 0
            and white 255, in the file's order (red first).
        backend_args: mmengine's, for images that are no local files.

    Raises:
        ValueError: a setting is invalid.
    """

    def __init__(
        self,
        on_error: str = 'stop',
        max_skips: int = 100,
        max_pixels: int = MAX_PIXELS,
        smallest_crop: tuple[int, float] | str | None = 'auto',
        value_range: Sequence[float] | str = 'auto',
        bands: str = 'auto',
        backend_args: dict | None = None,
    ) -> None:
        if on_error not in ('stop', 'skip') or max_skips < 0:
            raise ValueError(
                f"on_error is {on_error!r} and max_skips {max_skips}: take 'stop' or "
                "'skip', and a number of 0 or more."
            )
        if not 1 <= max_pixels <= 2**27:
            raise ValueError(
                f'max_pixels is {max_pixels}: take 1 to 2**27, beyond which Pillow '
                'refuses.'
            )
        if bands not in BANDS:
            raise ValueError(f'bands is {bands!r}, but must be one of {BANDS}.')
        self.on_error = on_error
        self.max_skips = max_skips
        self.max_pixels = max_pixels
        self.smallest_crop = smallest_crop
        if not isinstance(smallest_crop, (str, type(None))):
            self.smallest_crop = _check_crop(*smallest_crop)
        self.value_range: Range | str = 'auto'
        self.range_was_set = value_range != 'auto'
        if not isinstance(value_range, str):
            self.value_range = _check_range(*value_range)
        self.bands = bands
        self.backend_args = backend_args
        # Shared by the workers, which are started later. For each broken file a hash of
        # its path and its index in the dataset.
        self.broken = None
        if on_error == 'skip':
            self.broken = multiprocessing.Array('q', 2 * (max_skips + 1))

    def transform(self, results: dict) -> dict | None:
        """Read ``results['img_path']``; None where a broken file is skipped.

        Raises:
            OSError: the file cannot be read as an image.
        """
        try:
            image = self.decode(self.read(results))
        except DECODING_ERRORS as error:
            index = int(results.get('sample_idx', -1))
            self.refuse(results['img_path'], error, index)
            return None
        results['img'] = image
        results['img_shape'] = results['ori_shape'] = image.shape[:2]
        return results

    def read(self, record: dict) -> bytes:
        """The bytes of an image, by its record in the dataset."""
        if 'encoded' in record:  # of TableImages
            return record['encoded']
        if 'shard' in record:  # of TarShards
            return read_member(record['shard'], *record['place'])
        path = record['img_path']
        if self.backend_args is None and '://' not in path:
            return read_file(path, self.max_pixels)
        return fileio.get(path, backend_args=self.backend_args)

    def decode(self, data: bytes) -> np.ndarray:
        """The file's pixels; a faster decoder overrides this."""
        crop = None if isinstance(self.smallest_crop, str) else self.smallest_crop
        value_range = 'dtype' if self.value_range == 'auto' else self.value_range
        return decode_image(data, self.max_pixels, crop, value_range, self.bands)

    def refuse(self, path: str, error: Exception, index: int = -1) -> None:
        """Stop, or count and warn, as ``on_error`` says.

        Raises:
            OSError: ``on_error`` is 'stop', or too many files are broken.
        """
        reason = f'{printable(path)} cannot be read as an image ({_short(error)})'
        if self.broken is None:
            raise OSError(
                f"{reason}: fix or remove it, or set on_error='skip' in LoadImage."
            ) from error
        number = self._count(self.broken, path, index)
        if number is None:
            return
        if number > self.max_skips:
            raise OSError(
                f'{reason}, and is broken file number {number}, more than max_skips '
                f'{self.max_skips}: fix the data, or raise max_skips.'
            ) from error
        warnings.warn(f'{reason}: skipped, number {number}.', stacklevel=2)

    def broken_indices(self) -> list[int]:
        """Indices of all broken files so far in the dataset, -1 where unknown."""
        known = [] if self.broken is None else self.broken.get_obj()[:]
        pairs = zip(known[::2], known[1::2], strict=True)
        return [int(index) for digest, index in pairs if digest]  # type: ignore[call-overload]

    def _count(self, broken: Any, path: str, index: int) -> int | None:
        """The number of a broken file, counted from 1; None where that is old."""
        digest = hashlib.blake2b(path.encode('utf-8', 'replace'), digest_size=7)
        wanted = 1 + int.from_bytes(digest.digest(), 'big')
        with broken.get_lock():
            known = broken.get_obj()
            for position in range(0, len(known), 2):
                number = position // 2 + 1
                if known[position] == wanted:
                    return number if number > self.max_skips else None
                if known[position] == 0:
                    known[position : position + 2] = [wanted, index]
                    return number
        return len(known) // 2


def _check_crop(size: int, fraction: float) -> tuple[int, float]:
    if size < 1 or not 0 < fraction <= 1:
        raise ValueError(
            f'smallest_crop is {(size, fraction)}: give the size of the views, 1 pixel '
            'or more, and a fraction of the area above 0 and up to 1.'
        )
    return size, fraction


def _check_range(low: float, high: float) -> Range:
    if not low < high:
        raise ValueError(
            f'value_range is {(low, high)}: give the values of black and white, the '
            'smaller first.'
        )
    return low, high


def _short(error: Exception) -> str:
    if isinstance(error, OSError) and not isinstance(error, BrokenImage):
        text = error.strerror or str(error)  # the path precedes it already
    else:
        text = str(error)
    return printable(' '.join(text.split()))[:120] or type(error).__name__
