"""Read and decode an image file: whole and right, or an error; never a guess.

OpenCV fills what a cut JPEG lacks with gray and only warns, clips 16 bits and reads
from pipes for ever. Here a file's kind, its header, its size and its end are checked
before a pixel is decoded. Pillow decodes: OpenCV takes a quarter less time for a JPEG,
but gives other pixels than Pillow for some damaged ones, without a word.

What is decided: the content counts, not the extension; the picture is turned as its
EXIF orientation says; of an animation or of several pages the first is taken;
transparency is dropped; 16 bits become 8 by their upper half.
"""

import math
import os
import re
import stat
import zlib
from io import BytesIO
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from .image_formats import FORMATS, register_heif

MAX_PIXELS = 89_478_485  # where Pillow begins to suspect a bomb: 24-bit in 256 MiB
MAX_ASPECT = 100  # resizing the short side to 256 makes at most 256×25600
# The most that any format's uncompressed pixel takes is 16 bits × RGBA.
BYTES_A_PIXEL = 8
_ORIENTATION = 0x0112
_MARKER = re.compile(rb'\xff+[^\x00\xff]')


class BrokenImage(OSError):
    """A file that is not read as an image; the message says why, without its path."""


def printable(path: str | Path) -> str:
    """A path as printable text: line ends, controls and odd bytes are escaped."""
    return ''.join(
        letter if letter.isprintable() else letter.encode('unicode_escape').decode()
        for letter in str(path)
    )


def read_file(path: str | Path, max_pixels: int = MAX_PIXELS) -> bytes:
    """The bytes of a regular file; links are followed.

    Args:
        path: the file.
        max_pixels: bounds the file's size too, as no format needs more than 8 bytes
            a pixel.

    Raises:
        BrokenImage: it is a pipe, device, socket or folder (opening one may wait for
            ever), empty, or too large.
        OSError: it is not there, may not be read, or its links go in a circle.
    """
    _check_kind(os.stat(path).st_mode)
    # What was a file may be a pipe by now: O_NONBLOCK makes opening that harmless.
    handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(handle, 'rb') as file:
        status = os.fstat(handle)
        _check_kind(status.st_mode)
        limit = BYTES_A_PIXEL * max_pixels + 2**20
        if not 0 < status.st_size <= limit:
            raise BrokenImage(f'it has {status.st_size} bytes, not 1 to {limit}')
        return file.read()


def _check_kind(mode: int) -> None:
    if not stat.S_ISREG(mode):
        raise BrokenImage(
            'it is a folder' if stat.S_ISDIR(mode) else 'it is a pipe, device or socket'
        )


def check_image(data: bytes, max_pixels: int = MAX_PIXELS) -> Image.Image:
    """Look at header and end; Pillow's image comes back with no pixel decoded.

    Args:
        data: a whole file.
        max_pixels: width times height at most.

    Raises:
        BrokenImage: no known format, too many pixels, too long for its width, cut
            short, or a PNG whose check sums are wrong.
    """
    try:
        register_heif()
        image = Image.open(BytesIO(data), formats=tuple(FORMATS))
    except Image.UnidentifiedImageError as error:
        raise BrokenImage(f'it is none of {", ".join(FORMATS)}') from error
    width, height = image.size
    if width * height > max_pixels:
        raise BrokenImage(
            f'it has {width}×{height} pixels, more than max_pixels {max_pixels}'
        )
    if max(width, height) > MAX_ASPECT * min(width, height):
        raise BrokenImage(
            f'it has {width}×{height} pixels, one side more than {MAX_ASPECT} times '
            'the other'
        )
    if image.format in ('JPEG', 'MPO') and not _jpeg_ends(data):
        raise BrokenImage('it is cut short: a JPEG without its end')
    if image.format == 'PNG':
        _check_png(data)
    return image


def orientation(image: Image.Image) -> int:
    """EXIF's orientation, 1 (upright) to 8; 1 where it says none."""
    found = image.getexif().get(_ORIENTATION, 1)
    return found if found in range(1, 9) else 1


def divisor(width: int, height: int, size: int, share: float) -> int:
    """By how much both sides of an image may shrink before it is cropped: 1, 2, 4, 8.

    The largest number that leaves each crop at least ``size`` pixels a side, so that no
    view is enlarged from fewer pixels than it shows.

    Args:
        width: of the image, pixels.
        height: likewise.
        size: of the views, pixels.
        share: of the area that the smallest crop has; its sides are 3 to 4 at most, as
            RandomView's and torchvision's are.
    """
    shortest = min(width, height, math.sqrt(0.75 * share * width * height))
    return next((number for number in (8, 4, 2) if shortest >= number * size), 1)


def decode_image(
    data: bytes,
    max_pixels: int = MAX_PIXELS,
    smallest_crop: tuple[int, float] | None = None,
) -> np.ndarray:
    """Decode a whole file.

    Args:
        data: a whole file.
        max_pixels: width times height at most.
        smallest_crop: size and share, as in :func:`divisor`: a JPEG is decoded at 1/2,
            1/4 or 1/8 of its sides where that leaves enough. Other pixels than those
            of the whole picture made smaller, by a few levels (libjpeg leaves out the
            highest frequencies).

    Returns:
        ``(H, W, 3)`` uint8 in the order blue, green, red.

    Raises:
        BrokenImage: see :func:`check_image`; also pixels that have no agreed range
            (32-bit integers, floats).
        Exception: whatever Pillow raises where it cannot decode.
    """
    image = check_image(data, max_pixels)
    if smallest_crop is not None and image.format in ('JPEG', 'MPO'):
        number = divisor(*image.size, *smallest_crop)
        if number > 1:  # Pillow takes the largest divisor that leaves as much
            image.draft(None, (image.width // number, image.height // number))
    image.load()  # turns a TIFF itself, and says so in its EXIF
    pixels = np.asarray(_to_rgb(image))
    return turned(cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR), orientation(image))


def turned(pixels: np.ndarray, orientation: int) -> np.ndarray:
    """``(H, W, C)`` pixels set upright, given EXIF's orientation."""
    if orientation >= 5:  # mirrored at the main diagonal, then as 1, 2, 4, 3
        pixels = pixels.transpose(1, 0, 2)
        orientation = {5: 1, 6: 2, 7: 3, 8: 4}[orientation]
    flips = {1: (1, 1), 2: (1, -1), 3: (-1, -1), 4: (-1, 1)}[orientation]
    return np.ascontiguousarray(pixels[:: flips[0], :: flips[1]])


def _to_rgb(image: Image.Image) -> Image.Image:
    if image.mode.startswith('I;16') or (image.mode == 'I' and image.format == 'PPM'):
        image = Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
    elif image.mode in ('I', 'F'):
        raise BrokenImage(
            f'its pixels are of mode {image.mode}, which has no agreed range: save it '
            'with 8 or 16 bits'
        )
    elif image.mode == 'P':  # straight to RGB, Pillow warns of its transparency
        image = image.convert('RGBA')
    return image if image.mode == 'RGB' else image.convert('RGB')


def _jpeg_ends(data: bytes) -> bool:
    """Whether the marker of the end stands behind the last scan."""
    place, in_scan = 2, False
    bytes_ = np.frombuffer(data, np.uint8)
    # Once for the whole file: every 0xff that a scan's data cannot contain.
    after = bytes_[1:]
    found_at = np.flatnonzero(
        (bytes_[:-1] == 0xFF)
        & (after != 0)
        & (after != 0xFF)
        & ((after < 0xD0) | (after > 0xD7))
    )
    while True:
        if in_scan:
            next_one = np.searchsorted(found_at, place)
            if next_one == len(found_at):
                return False
            place = int(found_at[next_one]) + 2
        else:
            found = _MARKER.search(data, place)
            if found is None:
                return False
            place = found.end()
        marker, in_scan = data[place - 1], False
        if marker == 0xD9:
            return True
        if marker == 0x01 or 0xD0 <= marker <= 0xD8:  # these have no length
            continue
        place += int.from_bytes(data[place : place + 2], 'big')
        in_scan = marker == 0xDA


def _check_png(data: bytes) -> None:
    """Check sums of all chunks that pixels come from; Pillow skips the largest."""
    place = 8
    while place + 12 <= len(data):
        length = int.from_bytes(data[place : place + 4], 'big')
        name, end = data[place + 4 : place + 8], place + 8 + length
        if name[:1].isupper() or name == b'tRNS':
            found = int.from_bytes(data[end : end + 4], 'big')
            if end + 4 > len(data) or zlib.crc32(data[place + 4 : end]) != found:
                raise BrokenImage(f'the check sum of its chunk {name!r} is wrong')
        if name == b'IEND':
            return
        place = end + 4
    raise BrokenImage('it is cut short: a PNG without its end')
