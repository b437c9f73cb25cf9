"""Images of more than 8 bits or other than three bands: their pixels and ranges.

A 16-bit file may use 10, 12 or 14 of its bits, and a float file any range; which values
mean black and white must be known before they become 8 bits.
"""

from collections.abc import Iterable

import cv2
import numpy as np
from PIL import Image
from PIL.TiffImagePlugin import TiffImageFile

from .jpeg_png_checks import png_chunks
from .regular_files import BrokenImage

Range = tuple[float, float]  # the values of black and white
_BITS_PER_SAMPLE, _BANDS, _MAX_SAMPLE = 258, 277, (281, 341)


def is_deep(data: bytes, image: Image.Image) -> bool:
    """Whether a file that Pillow opened has more than 8 bits per value."""
    if image.format == 'PNG':
        return data[24] == 16
    if isinstance(image, TiffImageFile):
        return max(image.tag_v2.get(_BITS_PER_SAMPLE, (1,))) > 8
    return image.mode in ('I', 'F') or image.mode.startswith('I;16')


def deep_pixels(data: bytes, image: Image.Image) -> np.ndarray:
    """Pixels at full depth: ``(H, W)``, or ``(H, W, C)`` with red first."""
    bands = image.tag_v2.get(_BANDS, 1) if isinstance(image, TiffImageFile) else 1
    gray = image.mode in ('I', 'F') or image.mode.startswith('I;16')
    image.load()  # finds damage that OpenCV would fill in
    if gray and bands == 1:
        return np.asarray(image)
    pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    if pixels is None:
        raise BrokenImage('its pixels cannot be decoded')
    order = [2, 1, 0, 3][: pixels.shape[2]] if pixels.ndim == 3 else None
    return pixels if order is None else pixels[..., order]


def stored_range(data: bytes, image: Image.Image) -> Range | None:
    """Black and white as the file's metadata give them; None where they do not."""
    if image.format == 'PPM':  # scaled by its own maximum
        return 0, 65535
    if image.format == 'PNG':
        significant = png_chunks(data).get(b'sBIT')
        return (0, 2 ** max(significant) - 1) if significant else None
    if isinstance(image, TiffImageFile):
        bits = max(image.tag_v2.get(_BITS_PER_SAMPLE, (8,)))
        if bits in (10, 12, 14):
            return 0, 2**bits - 1
        for tag in _MAX_SAMPLE:
            largest = np.max(image.tag_v2.get(tag, 0))
            if 255 < largest < 65535:
                return 0, float(largest)
    return None


def guess_range(samples: Iterable[np.ndarray]) -> Range:
    """Black and white from the pixels of some images.

    Of whole numbers from 0 the fewest bits, of 8, 10, 12, 14, 16, 24 and 32, that hold
    the largest; 0 to 1 or 0 to 255 for floats in these; else smallest and largest.
    """
    finite = [x[np.isfinite(x)] for x in samples]
    low = min((float(x.min()) for x in finite if x.size), default=0.0)
    high = max((float(x.max()) for x in finite if x.size), default=1.0)
    whole = all(np.issubdtype(x.dtype, np.integer) for x in finite)
    if low >= 0 and whole:
        return 0, next(2.0**b - 1 for b in (8, 10, 12, 14, 16, 24, 64) if high < 2**b)
    if low >= 0 and high <= 255:
        return 0, 1 if high <= 1 else 255
    return low, high if high > low else low + 1


def to_bytes(pixels: np.ndarray, value_range: Range) -> np.ndarray:
    """Scale black and white to 0 and 255; what lies outside is clipped."""
    return np.rint(np.clip(to_float(pixels, value_range), 0, 255)).astype(np.uint8)


def to_float(pixels: np.ndarray, value_range: Range) -> np.ndarray:
    """Scale black and white to 0 and 255, as float32; NaN becomes black."""
    low, high = value_range
    scaled = (pixels.astype(np.float32) - low) * np.float32(255 / (high - low))
    return np.nan_to_num(scaled, nan=0, posinf=255, neginf=0)


def to_rgb(pixels: np.ndarray, drop_bands: bool, is_tiff: bool) -> np.ndarray:
    """``(H, W, 3)`` from one, two (gray, alpha), three or four (alpha) bands.

    Raises:
        BrokenImage: there are others, and ``drop_bands`` is False.
    """
    if pixels.ndim == 2:
        pixels = pixels[..., None]
    if pixels.ndim != 3:
        raise BrokenImage(
            f'it has the shape {pixels.shape}, not height, width and bands'
        )
    bands = pixels.shape[2]
    # In a TIFF a fourth band is alpha or infrared; alpha is mostly one value.
    more = bands > 4 or (bands == 4 and is_tiff and np.ptp(pixels[..., 3]) > 0)
    if more and not drop_bands:
        raise BrokenImage(
            f"it has {bands} bands: set bands='all' in LoadImage to keep them, or "
            "bands='rgb' to take the first three"
        )
    return np.repeat(pixels[..., :1], 3, 2) if bands < 3 else pixels[..., :3]
