"""Which checkpoint a run resumes from: the newest that is whole."""

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
    work_dir: str | Path, look: Callable[[Path], str | None] = damage
) -> Path | None:
    """The newest checkpoint of a run that verifies.

    Looks in the work dir and where its ``last_checkpoint`` points; a damaged one that
    would have been newer is named in a warning.

    Args:
        work_dir: the run's.
        look: says what is wrong with a checkpoint; None if nothing.

    Returns:
        None where there is none at all.

    Raises:
        CheckpointError: there are some, and every one is damaged.
    """
    return first_whole(resumable(folders_of(Path(work_dir))), work_dir, look)


def first_whole(
    found: list[Path], work_dir: str | Path, look: Callable[[Path], str | None]
) -> Path | None:
    """The first of the paths that verifies, as for :func:`newest_good`."""
    for path in found:
        reason = look(path)
        if reason is None:
            return path
        print_log(
            f'the checkpoint {path} {reason}: it is left out, and the one before it '
            'taken.',
            'current',
            level=logging.WARNING,
        )
    if found:
        raise CheckpointError(
            f'not one of the {len(found)} checkpoints in {work_dir} can be read: bring '
            'one back, or delete them to start anew.'
        )
    return None


def resumable(folders: list[Path], weights: bool = False) -> list[Path]:
    """Checkpoints that a run could go on from, newest first by what they say.

    Args:
        folders: where to look.
        weights: list those that hold weights alone, too.
    """
    paths = [path for folder in folders for path in folder.glob('*.pth')]
    places = {path: _place(path, weights) for path in paths if path.is_file()}
    kept = [path for path, place in places.items() if place is not None]
    return sorted(kept, key=lambda path: places[path] or (), reverse=True)


def newest_run(folders: list[Path]) -> int:
    """The largest run among labels: a clock set back must not make a new run older."""
    labels = [read_label(p) for f in folders for p in f.glob('*.pth') if p.is_file()]
    return max((label.run for label in labels if label is not None), default=0)


def _place(path: Path, weights: bool) -> tuple[float, float, float, float] | None:
    """(run, iterations, epochs, time of writing); None for one that is not asked for.

    Args:
        path: of a checkpoint.
        weights: whether one of weights alone is asked for.
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
    except Exception:  # unreadable in one of many ways; damage() will say so
        return _LAST, _LAST, _LAST, written


def folders_of(work_dir: Path) -> list[Path]:
    """Where a run's checkpoints lie: its work dir, and where the last one is."""
    folders = {work_dir.resolve(): work_dir}
    pointer = work_dir / 'last_checkpoint'
    if pointer.is_file():
        other = Path(pointer.read_text(errors='replace').strip()).parent
        if other.is_dir():
            folders.setdefault(other.resolve(), other)
    return list(folders.values())
