"""Read and decode an image file: complete and correct, or an error; never a guess.

OpenCV fills what a truncated JPEG lacks with gray and only warns, clips 16 bits and
blocks on pipes. Here a file's kind, header, size and end are checked before a pixel is
decoded. simplejpeg decodes complete JPEGs where it is installed, with the same pixels
as Pillow, which decodes the rest.

The content counts, not the extension; the picture is turned as its EXIF orientation
says; of an animation or of several pages the first is taken; alpha is dropped.
"""

import math
import warnings
from functools import cache, partial
from pathlib import Path
from types import ModuleType

import cv2
import numpy as np
from PIL import Image
from PIL.TiffImagePlugin import TiffImageFile

from .image_depth import (
    Range,
    deep_pixels,
    guess_range,
    is_deep,
    stored_range,
    to_bytes,
    to_float,
    to_rgb,
)
from .image_formats import read_array_file
from .image_header import MAX_PIXELS, check_image, check_size, orientation, turned
from .regular_files import (
    BrokenImage,
    UnknownFormat,
    decoder_errors,
    printable,
    read_regular_file,
)

__all__ = [
    'MAX_PIXELS',
    'BrokenImage',
    'check_image',
    'orientation',
    'printable',
    'turned',
]
# The most that any format's uncompressed pixel takes is 16 bits × RGBA.
BYTES_PER_PIXEL = 8
BANDS = ('auto', 'rgb', 'all')


def read_file(path: str | Path, max_pixels: int = MAX_PIXELS) -> bytes:
    """The bytes of a regular file, of at most 8 bytes per allowed pixel.

    Raises:
        BrokenImage: it is no regular file, empty, or too large.
        OSError: it cannot be read.
    """
    return read_regular_file(path, BYTES_PER_PIXEL * max_pixels + 2**20)


def divisor(width: int, height: int, size: int, fraction: float) -> int:
    """By how much both sides of an image may shrink before it is cropped: 1, 2, 4, 8.

    The largest number that leaves each crop at least ``size`` pixels per side, so that
    no view is enlarged from fewer pixels than it shows.

    Args:
        width: of the image, pixels.
        height: likewise.
        size: of the views, pixels.
        fraction: of the area that the smallest crop has; its sides are 3 to 4 at most,
            as RandomView's and torchvision's are.
    """
    shortest = min(width, height, math.sqrt(0.75 * fraction * width * height))
    return next((number for number in (8, 4, 2) if shortest >= number * size), 1)


def native_pixels(
    data: bytes, max_pixels: int = MAX_PIXELS
) -> tuple[np.ndarray, Range | None, bool]:
    """Upright pixels of any depth and bands, their stored range, whether a TIFF's.

    Returns:
        ``(H, W)`` or ``(H, W, C)`` with red first; black and white if the file says so.
    """
    try:
        image = check_image(data, max_pixels)
    except UnknownFormat:
        pixels = read_array_file(data, partial(check_size, max_pixels=max_pixels))
        if pixels is None:
            raise
        return pixels, (0, 255) if pixels.dtype == np.uint8 else None, True
    with decoder_errors():
        return _pixels_of(data, image)


def _pixels_of(
    data: bytes, image: Image.Image
) -> tuple[np.ndarray, Range | None, bool]:
    if isinstance(image, TiffImageFile) and image.n_frames > 1:
        _warn_of_pages(image.n_frames)
        image.seek(0)
    is_tiff, turn = image.format == 'TIFF', orientation(image)
    if is_deep(data, image):
        pixels = deep_pixels(data, image)
        if pixels.ndim == 2:  # Pillow's, which turns a TIFF itself
            turn = orientation(image)
        return turned(pixels, turn), stored_range(data, image), is_tiff
    image.load()  # turns a TIFF itself, and says so in its EXIF
    if image.mode == 'P':  # straight to RGB, Pillow warns of its transparency
        image = image.convert('RGBA')
    if image.mode not in ('L', 'LA', 'RGB') and not (is_tiff and image.mode == 'RGBA'):
        image = image.convert('RGB')
    turn = 1 if is_tiff else turn
    return turned(np.asarray(image), turn), (0, 255), is_tiff


def decode_image(
    data: bytes,
    max_pixels: int = MAX_PIXELS,
    smallest_crop: tuple[int, float] | None = None,
    value_range: Range | str | None = None,
    bands: str = 'auto',
) -> np.ndarray:
    """Decode a whole file.

    Args:
        data: a whole file.
        max_pixels: width times height at most.
        smallest_crop: size and fraction, as in :func:`divisor`: a JPEG is decoded at
            1/2, 1/4 or 1/8 of its sides where that leaves enough. The pixels differ by
            a few levels from those of the whole picture made smaller (libjpeg omits
            the highest frequencies).
        value_range: black and white of images of more than 8 bits; None takes the
            file's metadata, else what its own pixels suggest, and 'dtype' all values
            of their whole-number type instead.
        bands: 'auto' refuses more bands than RGB and alpha, 'rgb' takes the first
            three, 'all' keeps them, and the depth.

    Returns:
        ``(H, W, 3)`` uint8 in the order blue, green, red; for 'all' ``(H, W, C)``
        float32, black 0 and white 255, in the file's order (red first).

    Raises:
        BrokenImage: see :func:`check_image`; also bands that are refused.
        Exception: whatever a decoder raises where it cannot decode.
    """
    if bands != 'all' and data[:2] == b'\xff\xd8':
        return _decode_jpeg(data, max_pixels, smallest_crop)
    pixels, stored, is_tiff = native_pixels(data, max_pixels)
    if pixels.dtype == np.uint8:
        black_white: Range = (0, 255)
    elif value_range == 'dtype':
        black_white = stored or _range_of_type(pixels)
    elif value_range is None or isinstance(value_range, str):
        black_white = stored or guess_range([pixels])
    else:
        black_white = value_range
    if bands == 'all':
        return to_float(pixels if pixels.ndim == 3 else pixels[..., None], black_white)
    rgb = to_rgb(pixels, bands == 'rgb', is_tiff)
    rgb = rgb if rgb.dtype == np.uint8 else to_bytes(rgb, black_white)
    return cv2.cvtColor(np.ascontiguousarray(rgb), cv2.COLOR_RGB2BGR)


def _range_of_type(pixels: np.ndarray) -> Range:
    if pixels.dtype != np.uint16:
        raise BrokenImage(
            f'its pixels are {pixels.dtype}, which has no agreed range: set '
            'value_range in LoadImage to the values of black and white'
        )
    _warn_of_range()
    return 0, 65535


def _decode_jpeg(
    data: bytes, max_pixels: int, smallest_crop: tuple[int, float] | None
) -> np.ndarray:
    image = check_image(data, max_pixels)
    number = divisor(*image.size, *smallest_crop) if smallest_crop else 1
    size = [-(-side // number) for side in image.size]
    decoder = _simplejpeg()
    pixels = None
    if decoder is not None and image.mode in ('RGB', 'L'):
        try:
            pixels = decoder.decode_jpeg(
                data, 'BGR', min_width=size[0], min_height=size[1]
            )
        except ValueError:  # it refuses what Pillow only warns of
            pixels = None
    if pixels is None or pixels.shape[1::-1] != tuple(size):
        with decoder_errors():
            if number > 1:  # Pillow takes the largest divisor that leaves as much
                image.draft(None, (image.width // number, image.height // number))
            image.load()
            rgb = image if image.mode == 'RGB' else image.convert('RGB')
        pixels = cv2.cvtColor(np.asarray(rgb), cv2.COLOR_RGB2BGR)
    with decoder_errors():
        turn = orientation(image)
    return turned(pixels, turn)


@cache
def _simplejpeg() -> ModuleType | None:
    try:
        import simplejpeg
    except ImportError:
        return None
    return simplejpeg


@cache
def _warn_of_range() -> None:
    warnings.warn(
        'an image has 16 bits, none of those did by which the dataset was judged: 0 to '
        '65535 are taken as black and white; set value_range in LoadImage.',
        stacklevel=2,
    )


@cache
def _warn_of_pages(number: int) -> None:
    warnings.warn(
        f'a TIFF file has {number} pages: only the first page of each is read.',
        stacklevel=2,
    )
