"""Whether a JPEG or PNG file is complete, before a pixel is decoded."""

import re
import zlib

import numpy as np

_MARKER = re.compile(rb'\xff+[^\x00\xff]')


def jpeg_is_complete(data: bytes) -> bool:
    """Whether the end-of-image marker follows the last scan."""
    position, in_scan = 2, False
    bytes_ = np.frombuffer(data, np.uint8)
    # Once for the whole file: every 0xff that a scan's data cannot contain.
    after = bytes_[1:]
    markers = np.flatnonzero(
        (bytes_[:-1] == 0xFF)
        & (after != 0)
        & (after != 0xFF)
        & ((after < 0xD0) | (after > 0xD7))
    )
    while True:
        if in_scan:
            following = np.searchsorted(markers, position)
            if following == len(markers):
                return False
            position = int(markers[following]) + 2
        else:
            found = _MARKER.search(data, position)
            if found is None:
                return False
            position = found.end()
        marker, in_scan = data[position - 1], False
        if marker == 0xD9:
            return True
        if marker == 0x01 or 0xD0 <= marker <= 0xD8:  # these have no length
            continue
        position += int.from_bytes(data[position : position + 2], 'big')
        in_scan = marker == 0xDA


def png_chunks(data: bytes) -> dict[bytes, bytes]:
    """The first chunk of each name that describes the pixels (not IDAT), by name."""
    found: dict[bytes, bytes] = {}
    position = 8
    while position + 8 <= len(data):
        length = int.from_bytes(data[position : position + 4], 'big')
        name = data[position + 4 : position + 8]
        if name == b'IDAT':
            break
        found.setdefault(name, data[position + 8 : position + 8 + length])
        position += 12 + length
    return found


def png_fault(data: bytes) -> str:
    """What is wrong with a PNG's chunks, or ''; Pillow skips the largest checksums."""
    position = 8
    while position + 12 <= len(data):
        length = int.from_bytes(data[position : position + 4], 'big')
        name, end = data[position + 4 : position + 8], position + 8 + length
        if name[:1].isupper() or name == b'tRNS':
            found = int.from_bytes(data[end : end + 4], 'big')
            if end + 4 > len(data) or zlib.crc32(data[position + 4 : end]) != found:
                return f'the checksum of its chunk {name!r} is wrong'
        if name == b'IEND':
            return ''
        position = end + 4
    return 'it is truncated: a PNG without its end'
