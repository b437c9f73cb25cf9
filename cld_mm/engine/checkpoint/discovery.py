"""Find the newest intact checkpoint of a run, on one rank or on all together."""

import logging
import re
from collections.abc import Callable
from pathlib import Path

import torch
from mmengine.dist import (
    all_gather_object,
    broadcast_object_list,
    get_rank,
    get_world_size,
    is_main_process,
)
from mmengine.logging import print_log

from .bank_rows import bank_damage
from .file_format import CheckpointError, damage, read_label

_NAME = re.compile(r'(epoch|iter)_\d+\.pth')
_LAST = float('inf')


def newest_good(
    work_dir: str | Path, inspect: Callable[[Path], str | None] = damage
) -> Path | None:
    """The newest intact checkpoint of a run; None if there is none at all.

    Searches the work dir and the folder that its ``last_checkpoint`` names. A newer but
    damaged one is named in a warning.

    Args:
        work_dir: the run's.
        inspect: tells what is wrong with a checkpoint, or None.

    Raises:
        CheckpointError: there are some, and all are damaged.
    """
    return _first_intact(_candidates(work_dir), work_dir, inspect)


def choose_together(work_dir: str, named: str | None = None) -> str | None:
    """The checkpoint to resume from, the same on all ranks; all ranks call it.

    Rank 0 lists and hashes checkpoints; each rank hashes its own rows of a sharded
    bank.

    Args:
        work_dir: the run's.
        named: the only one to consider; a file or an address.

    Returns:
        None, with a warning, if there is none.

    Raises:
        CheckpointError: the one that is named is damaged, or all are.
    """
    if named is not None:
        reason = _damage_together(Path(named))
        if reason is not None:
            raise CheckpointError(
                f'the checkpoint {named} {reason}: give another one, or use --resume '
                'alone to find the newest intact one.'
            )
        return named
    found = [_candidates(work_dir) if is_main_process() else []]
    broadcast_object_list(found)
    newest = _first_intact(found[0], work_dir, _damage_together)
    if newest is None:
        print_log(
            f'no checkpoint to resume from in {work_dir}: a new run starts.',
            'current',
            level=logging.WARNING,
        )
    return None if newest is None else str(newest)


def _damage_together(path: Path) -> str | None:
    """What any rank finds wrong with a checkpoint or its bank rows."""
    own = None
    if path.is_file():  # else an address
        own = damage(path) if is_main_process() else None
        own = own or bank_damage(path, get_rank(), get_world_size())
    return next((reason for reason in all_gather_object(own) if reason), None)


def _first_intact(
    found: list[Path], work_dir: str | Path, inspect: Callable[[Path], str | None]
) -> Path | None:
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


def _candidates(work_dir: str | Path) -> list[Path]:
    """Checkpoints in the work dir and in the folder of the last one, newest first."""
    folders = {Path(work_dir).resolve(): Path(work_dir)}
    pointer = Path(work_dir) / 'last_checkpoint'
    if pointer.is_file():
        other = Path(pointer.read_text(errors='replace').strip()).parent
        if other.is_dir():
            folders.setdefault(other.resolve(), other)
    return resumable(list(folders.values()))


def resumable(folders: list[Path], weights: bool = False) -> list[Path]:
    """Checkpoints that a run could resume from, newest first by their labels.

    Args:
        folders: to search.
        weights: also list those that hold only weights.
    """
    paths = [path for folder in folders for path in folder.glob('*.pth')]
    ages = {path: _age(path, weights) for path in paths if path.is_file()}
    kept = [path for path, age in ages.items() if age is not None]
    return sorted(kept, key=lambda path: ages[path] or (), reverse=True)


def newest_run(folders: list[Path]) -> int:
    """The largest run number among labels, so that a clock set back does no harm."""
    labels = [read_label(p) for f in folders for p in f.glob('*.pth') if p.is_file()]
    return max((label.run for label in labels if label is not None), default=0)


def _age(path: Path, weights: bool) -> tuple[float, float, float, float] | None:
    """(run, iterations, epochs, time of writing); None for one not asked for."""
    written = path.stat().st_mtime
    label = read_label(path)
    if label is not None:
        age = (label.run, label.iter, label.epoch, written)
        return age if label.full or weights else None
    if not _NAME.fullmatch(path.name):
        return None
    try:
        loaded = torch.load(path, map_location='cpu', mmap=True, weights_only=True)
        meta = loaded['meta']
        return meta.get('run', 0), meta['iter'], meta['epoch'], written
    except Exception:  # unreadable in one of many ways; damage() names it
        return _LAST, _LAST, _LAST, written
