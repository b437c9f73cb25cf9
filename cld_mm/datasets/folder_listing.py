"""List the images below a folder, and say what is skipped and what would read it."""

import os
import stat
from collections.abc import Callable, Iterable
from pathlib import Path, PurePosixPath

from mmengine.logging import print_log

from cld_mm.fileio.image_decoding import printable
from cld_mm.fileio.image_formats import advice_for, readable_suffixes

from .junk_files import is_junk


def list_images(
    root: str | Path, is_image: Callable[[str], bool], report_skipped: bool = True
) -> list[str]:
    """Paths of all images below a folder, relative to it, sorted.

    Links are followed; hidden and system files are ignored. Images that ``is_image``
    refuses or that need another library are counted in one warning.

    Args:
        root: the folder.
        is_image: whether a name is an image's.
        report_skipped: whether to warn.

    Raises:
        ValueError: a folder cannot be listed, or is reached twice by a link (a circle
            would never end, and an image would count twice); an image is a pipe or
            device, or a link that leads nowhere.
    """
    found: list[str] = []
    others: list[str] = []
    seen: dict[tuple[int, int], str] = {}
    waiting = [(str(root), '')]
    while waiting:
        folder, below = waiting.pop()
        identity, entries = _scan(folder)
        if identity in seen:
            raise ValueError(
                f'{printable(folder)} and {printable(seen[identity])} are the same '
                'folder, by a link: remove the link, or images would count twice.'
            )
        seen[identity] = folder
        for entry in entries:
            kind = _kind(entry, is_image(entry.name))
            if kind == 'folder':
                waiting.append((entry.path, f'{below}{entry.name}/'))
            elif kind == 'file':
                (found if is_image(entry.name) else others).append(below + entry.name)
    if report_skipped:
        _report_skipped(root, others)
    return sorted(found)


def list_class_folders(root: str | Path) -> list[str]:
    """Names of the folders directly in ``root``, without hidden and system ones."""
    return sorted(entry.name for entry in _scan(str(root))[1] if entry.is_dir())


def _scan(folder: str) -> tuple[tuple[int, int], list[os.DirEntry]]:
    try:
        status = os.stat(folder)
        with os.scandir(folder) as listing:
            entries = [entry for entry in listing if not is_junk(entry.name)]
    except OSError as error:
        raise ValueError(
            f'the folder {printable(folder)} cannot be listed ({error.strerror}): '
            'check the path and its permissions.'
        ) from error
    return (status.st_dev, status.st_ino), entries


def _kind(entry: os.DirEntry, image: bool) -> str:
    try:
        mode = entry.stat().st_mode
    except OSError as error:
        if not image:
            return 'other'
        raise ValueError(
            f'{printable(entry.path)} cannot be found ({error.strerror}): fix or '
            'remove the link.'
        ) from error
    if stat.S_ISDIR(mode):
        return 'folder'
    if image and not stat.S_ISREG(mode):
        raise ValueError(
            f'{printable(entry.path)} is a pipe, device or socket, not an image: '
            'remove it.'
        )
    return 'file'


def _report_skipped(root: str | Path, names: Iterable[str]) -> None:
    """One warning for all files that look like images but are not read."""
    by_suffix: dict[str, list[str]] = {}
    for name in names:
        by_suffix.setdefault(PurePosixPath(name).suffix.lower(), []).append(name)
    lines = []
    for suffix, found in sorted(by_suffix.items()):
        advice = advice_for(suffix)
        if suffix in readable_suffixes():
            advice = f'add {suffix!r} to the extensions of the dataset'
        if advice is not None:
            example = printable(min(found))
            lines.append(f'{len(found)} {suffix} (such as {example}: {advice})')
    if lines:
        print_log(
            f'{printable(root)}: images that were skipped: {"; ".join(lines)}.',
            'current',
            30,
        )
