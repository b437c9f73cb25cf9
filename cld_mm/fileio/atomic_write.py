"""Files that are replaced as a whole: the old one or the new one, never a part."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any


@contextmanager
def open_atomically(
    path: Path, mode: str = 'wb', check: Callable[[Path], None] | None = None
) -> Iterator[Any]:
    """Open a file that takes the place of ``path`` once the block ends without error.

    It is written beside it under a hidden name, flushed to disk, checked and renamed.

    Args:
        path: file to write; its folder must exist.
        mode: 'wb' or 'w'.
        check: called with the written file; may raise to keep the old one.
    """
    part = path.with_name(f'.{path.name}.part')
    try:
        with open(part, mode) as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        if check is not None:
            check(part)
        os.replace(part, path)
        _sync_folder(path.parent)
    except BaseException:
        with suppress(OSError):
            part.unlink(missing_ok=True)
        raise


def write_text(path: Path, text: str) -> None:
    """Replace a small text file as a whole."""
    with open_atomically(path, 'w') as file:
        file.write(text)


def _sync_folder(folder: Path) -> None:
    """Make a rename last over a power cut, where the system can (not on Windows)."""
    if os.name != 'posix':
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
