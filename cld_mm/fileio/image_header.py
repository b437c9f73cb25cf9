"""Check an image file's header, size and end before a pixel is decoded."""

from io import BytesIO

import numpy as np
from PIL import Image

from .image_formats import pillow_formats
from .jpeg_png_checks import jpeg_is_complete, png_fault
from .regular_files import BrokenImage, UnknownFormat, decoder_errors

MAX_PIXELS = 89_478_485  # where Pillow begins to suspect a bomb: 24-bit in 256 MiB
MAX_ASPECT = 100  # resizing the short side to 256 makes at most 256×25600
_ORIENTATION = 0x0112  # EXIF


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
        with decoder_errors():
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


def turned(pixels: np.ndarray, orientation: int) -> np.ndarray:
    """``(H, W)`` or ``(H, W, C)`` pixels set upright, given EXIF's orientation."""
    if orientation >= 5:  # mirrored at the main diagonal, then as 1, 2, 4, 3
        pixels = pixels.swapaxes(0, 1)
        orientation = {5: 1, 6: 2, 7: 3, 8: 4}[orientation]
    flips = {1: (1, 1), 2: (1, -1), 3: (-1, -1), 4: (-1, 1)}[orientation]
    return np.ascontiguousarray(pixels[:: flips[0], :: flips[1]])
