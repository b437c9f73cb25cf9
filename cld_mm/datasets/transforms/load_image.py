"""LoadImage: read an image file; a broken one names its path."""

import multiprocessing
import warnings

import numpy as np
from mmcv.transforms import BaseTransform
from mmengine import fileio

from cld_mm.datasets.shard_index import read_member
from cld_mm.fileio.image_decoding import (
    MAX_PIXELS,
    BrokenImage,
    decode_image,
    printable,
    read_file,
)
from cld_mm.registry import TRANSFORMS


@TRANSFORMS.register_module()
class LoadImage(BaseTransform):
    """Read ``img_path`` into ``img``, ``(H, W, 3)`` uint8 in the order B, G, R.

    What counts as broken, and how odd images are read: :mod:`..image_files`.

    Args:
        on_error: 'stop' ends the run with the file's path; 'skip' warns, and the data
            set takes another image in its place.
        max_skips: with 'skip', how many broken files (over all workers of a rank)
            are one too many.
        max_pixels: a larger image is broken; found in its header.
        smallest_crop: None, or size and share of the smallest crop that views are made
            of, such as ``(224, 0.2)``: large JPEGs are decoded at 1/2, 1/4 or 1/8 of
            their sides where the crop still has that size (photos of 1.4 million pixels
            and more). Faster; views then differ by a few levels of 255.
        backend_args: mmengine's, for images that are no local files.

    Raises:
        ValueError: ``on_error`` is unknown, ``max_skips`` below 0, or ``max_pixels``
            outside 1 to 2**27, or ``smallest_crop`` is no size and share.
    """

    def __init__(
        self,
        on_error: str = 'stop',
        max_skips: int = 100,
        max_pixels: int = MAX_PIXELS,
        smallest_crop: tuple[int, float] | None = None,
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
        if smallest_crop is not None:
            size, share = smallest_crop
            if size < 1 or not 0 < share <= 1:
                raise ValueError(
                    f'smallest_crop is {tuple(smallest_crop)}: give the size of the '
                    'views, 1 pixel or more, and a share of the area above 0 and up '
                    'to 1.'
                )
            smallest_crop = (size, share)
        self.on_error = on_error
        self.max_skips = max_skips
        self.max_pixels = max_pixels
        self.smallest_crop = smallest_crop
        self.backend_args = backend_args
        # Shared by the workers, which are started later.
        self.skips = multiprocessing.Value('l', 0) if on_error == 'skip' else None

    def transform(self, results: dict) -> dict | None:
        """Read ``results['img_path']``; None where a broken file is skipped.

        Raises:
            OSError: the file cannot be read as an image.
        """
        try:
            if 'shard' in results:  # of TarShards
                data = read_member(results['shard'], *results['place'])
            else:
                data = self.read(results['img_path'])
            image = self.decode(data)
        except Exception as error:
            self.refuse(results['img_path'], error)
            return None
        results['img'] = image
        results['img_shape'] = results['ori_shape'] = image.shape[:2]
        return results

    def read(self, path: str) -> bytes:
        """The file's bytes."""
        if self.backend_args is None and '://' not in path:
            return read_file(path, self.max_pixels)
        return fileio.get(path, backend_args=self.backend_args)

    def decode(self, data: bytes) -> np.ndarray:
        """The file's pixels; a faster decoder overrides this."""
        return decode_image(data, self.max_pixels, self.smallest_crop)

    def refuse(self, path: str, error: Exception) -> None:
        """Stop, or count and warn, as ``on_error`` says.

        Raises:
            OSError: ``on_error`` is 'stop', or one skip too many.
        """
        reason = f'{printable(path)} cannot be read as an image ({_short(error)})'
        if self.skips is None:
            raise OSError(
                f"{reason}: mend or remove it, or set on_error='skip' in LoadImage."
            ) from error
        with self.skips.get_lock():
            self.skips.value += 1
            count = self.skips.value
        if count > self.max_skips:
            raise OSError(
                f'{reason}, and is broken file number {count}, more than max_skips '
                f'{self.max_skips}: mend the data, or raise max_skips.'
            ) from error
        warnings.warn(f'{reason}: skipped, number {count}.', stacklevel=2)


def _short(error: Exception) -> str:
    if isinstance(error, OSError) and not isinstance(error, BrokenImage):
        text = error.strerror or str(error)  # the path stands before it already
    else:
        text = str(error)
    return printable(' '.join(text.split()))[:120] or type(error).__name__
