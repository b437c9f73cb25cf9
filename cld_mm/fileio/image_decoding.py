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
from io import BytesIO
from pathlib import Path
from types import ModuleType

import cv2
import numpy as np
from PIL import Image

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
from .image_formats import pillow_formats, read_array_file
from .jpeg_png_checks import jpeg_is_complete, png_fault
from .regular_files import (
    BrokenImage,
    UnknownFormat,
    printable,
    read_regular_file,
)

__all__ = ['BrokenImage', 'printable']
MAX_PIXELS = 89_478_485  # where Pillow begins to suspect a bomb: 24-bit in 256 MiB
MAX_ASPECT = 100  # resizing the short side to 256 makes at most 256×25600
# The most that any format's uncompressed pixel takes is 16 bits × RGBA.
BYTES_PER_PIXEL = 8
_ORIENTATION = 0x0112
BANDS = ('auto', 'rgb', 'all')


def read_file(path: str | Path, max_pixels: int = MAX_PIXELS) -> bytes:
    """The bytes of a regular file, of at most 8 bytes per allowed pixel.

    Raises:
        BrokenImage: it is no regular file, empty, or too large.
        OSError: it cannot be read.
    """
    return read_regular_file(path, BYTES_PER_PIXEL * max_pixels + 2**20)


def check_image(data: bytes, max_pixels: int = MAX_PIXELS) -> Image.Image:
    """Check header and end; Pillow's image comes back with no pixel decoded.

    Args:
        data: a whole file.
        max_pixels: width times height at most.

    Raises:
        BrokenImage: no known format, too many pixels, too long for its width,
            truncated, or a PNG whose checksums are wrong.
    """
    formats = pillow_formats()
    try:
        image = Image.open(BytesIO(data), formats=formats)
    except Image.UnidentifiedImageError as error:
        raise UnknownFormat(f'it is none of {", ".join(formats)}') from error
    check_size(*image.size, max_pixels)
    if image.format in ('JPEG', 'MPO') and not jpeg_is_complete(data):
        raise BrokenImage('it is truncated: a JPEG without its end')
    if image.format == 'PNG' and (fault := png_fault(data)):
        raise BrokenImage(fault)
    return image


def check_size(width: int, height: int, max_pixels: int) -> None:
    """Raise BrokenImage for too many pixels, or too long a side."""
    if width * height > max_pixels:
        raise BrokenImage(
            f'it has {width}×{height} pixels, more than max_pixels {max_pixels}'
        )
    if max(width, height) > MAX_ASPECT * min(width, height):
        raise BrokenImage(
            f'it has {width}×{height} pixels, one side more than {MAX_ASPECT} times '
            'the other'
        )


def orientation(image: Image.Image) -> int:
    """EXIF's orientation, 1 (upright) to 8; 1 where there is none."""
    found = image.getexif().get(_ORIENTATION, 1)
    return found if found in range(1, 9) else 1


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
    if image.format == 'TIFF' and getattr(image, 'n_frames', 1) > 1:
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
        value_range = 0, 255
    elif value_range == 'dtype':
        value_range = stored or _range_of_type(pixels)
    value_range = value_range or stored or guess_range([pixels])
    if bands == 'all':
        return to_float(pixels if pixels.ndim == 3 else pixels[..., None], value_range)
    rgb = to_rgb(pixels, bands == 'rgb', is_tiff)
    rgb = rgb if rgb.dtype == np.uint8 else to_bytes(rgb, value_range)
    return cv2.cvtColor(np.ascontiguousarray(rgb), cv2.COLOR_RGB2BGR)


def _range_of_type(pixels: np.ndarray) -> Range:
    if pixels.dtype != np.uint16:
        raise BrokenImage(
            f'its pixels are {pixels.dtype}, which has no agreed range: set value_range '
            'in LoadImage to the values of black and white'
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
        if number > 1:  # Pillow takes the largest divisor that leaves as much
            image.draft(None, (image.width // number, image.height // number))
        image.load()
        rgb = image if image.mode == 'RGB' else image.convert('RGB')
        pixels = cv2.cvtColor(np.asarray(rgb), cv2.COLOR_RGB2BGR)
    return turned(pixels, orientation(image))


def turned(pixels: np.ndarray, orientation: int) -> np.ndarray:
    """``(H, W)`` or ``(H, W, C)`` pixels set upright, given EXIF's orientation."""
    if orientation >= 5:  # mirrored at the main diagonal, then as 1, 2, 4, 3
        pixels = pixels.swapaxes(0, 1)
        orientation = {5: 1, 6: 2, 7: 3, 8: 4}[orientation]
    flips = {1: (1, 1), 2: (1, -1), 3: (-1, -1), 4: (-1, 1)}[orientation]
    return np.ascontiguousarray(pixels[:: flips[0], :: flips[1]])


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
