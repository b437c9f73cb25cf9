"""Read whole regular files, never a pipe or device that would block."""

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class BrokenImage(OSError):
    """A file that is not read as an image; the message says why, without its path."""


class UnknownFormat(BrokenImage):
    """A file of none of the formats that Pillow may read here."""


@contextmanager
def decoder_errors() -> Iterator[None]:
    """Turn whatever a decoder raises for a damaged file into BrokenImage."""
    try:
        yield
    except OSError:
        raise
    except Exception as error:  # struct.error, IndexError, Pillow's own, ...
        raise BrokenImage(str(error) or type(error).__name__) from error


def printable(path: str | Path) -> str:
    """A path as printable text: line ends, controls and odd bytes are escaped."""
    return ''.join(
        character
        if character.isprintable()
        else character.encode('unicode_escape').decode()
        for character in str(path)
    )


def read_regular_file(path: str | Path, max_bytes: int) -> bytes:
    """The bytes of a regular file; links are followed.

    Raises:
        BrokenImage: it is a pipe, device, socket or folder (opening one may block),
            empty, or too large.
        OSError: it does not exist, is not readable, or its links are circular.
    """
    _check_kind(os.stat(path).st_mode)
    # The file may have become a pipe since: O_NONBLOCK makes opening that harmless.
    flags = getattr(os, 'O_NONBLOCK', 0) | getattr(os, 'O_BINARY', 0)
    handle = os.open(path, os.O_RDONLY | flags | getattr(os, 'O_CLOEXEC', 0))
    with os.fdopen(handle, 'rb') as file:
        status = os.fstat(handle)
        _check_kind(status.st_mode)
        if not 0 < status.st_size <= max_bytes:
            raise BrokenImage(f'it has {status.st_size} bytes, not 1 to {max_bytes}')
        return file.read()


def _check_kind(mode: int) -> None:
    if not stat.S_ISREG(mode):
        raise BrokenImage(
            'it is a folder' if stat.S_ISDIR(mode) else 'it is a pipe, device or socket'
        )
