"""Find the newest intact checkpoint of a run."""

import logging
import re
from collections.abc import Callable
from pathlib import Path

import torch
from mmengine.logging import print_log

from .file_format import CheckpointError, damage, read_label

_NAME = re.compile(r'(epoch|iter)_\d+\.pth')
_LAST = float('inf')


def newest_good(
    work_dir: str | Path, inspect: Callable[[Path], str | None] = damage
) -> Path | None:
    """The newest intact checkpoint of a run.

    Searches the work dir and the folder that its ``last_checkpoint`` names. A newer but
    damaged one is named in a warning.

    Args:
        work_dir: the run's.
        inspect: tells what is wrong with a checkpoint, or None.

    Returns:
        None if there is none at all.

    Raises:
        CheckpointError: there are some, and all are damaged.
    """
    return first_whole(resumable(folders_of(Path(work_dir))), work_dir, inspect)


def first_whole(
    found: list[Path], work_dir: str | Path, inspect: Callable[[Path], str | None]
) -> Path | None:
    """The first intact one of the paths, as for :func:`newest_good`."""
    for path in found:
        reason = inspect(path)
        if reason is None:
            return path
        print_log(
            f'the checkpoint {path} {reason}: skipped, the one before it is used.',
            'current',
            level=logging.WARNING,
        )
    if found:
        raise CheckpointError(
            f'none of the {len(found)} checkpoints in {work_dir} can be read: restore '
            'one, or delete them to start a new run.'
        )
    return None


def resumable(folders: list[Path], weights: bool = False) -> list[Path]:
    """Checkpoints that a run could resume from, newest first by their labels.

    Args:
        folders: to search.
        weights: also list those that hold only weights.
    """
    paths = [path for folder in folders for path in folder.glob('*.pth')]
    places = {path: _place(path, weights) for path in paths if path.is_file()}
    kept = [path for path, place in places.items() if place is not None]
    return sorted(kept, key=lambda path: places[path] or (), reverse=True)


def newest_run(folders: list[Path]) -> int:
    """The largest run number among labels, so that a clock set back does no harm."""
    labels = [read_label(p) for f in folders for p in f.glob('*.pth') if p.is_file()]
    return max((label.run for label in labels if label is not None), default=0)


def _place(path: Path, weights: bool) -> tuple[float, float, float, float] | None:
    """(run, iterations, epochs, time of writing); None for one not asked for.

    Args:
        path: of a checkpoint.
        weights: whether one that holds only weights is asked for.
    """
    written = path.stat().st_mtime
    label = read_label(path)
    if label is not None:
        place = (label.run, label.iter, label.epoch, written)
        return place if label.full or weights else None
    if not _NAME.fullmatch(path.name):
        return None
    try:
        loaded = torch.load(path, map_location='cpu', mmap=True, weights_only=True)
        meta = loaded['meta']
        return meta.get('run', 0), meta['iter'], meta['epoch'], written
    except Exception:  # unreadable in one of many ways; damage() names it
        return _LAST, _LAST, _LAST, written


def folders_of(work_dir: Path) -> list[Path]:
    """The folders of a run's checkpoints: its work dir, and that of the last one."""
    folders = {work_dir.resolve(): work_dir}
    pointer = work_dir / 'last_checkpoint'
    if pointer.is_file():
        other = Path(pointer.read_text(errors='replace').strip()).parent
        if other.is_dir():
            folders.setdefault(other.resolve(), other)
    return list(folders.values())
