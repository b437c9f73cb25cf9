"""Choose the checkpoint that all ranks resume from, and check it together."""

import logging
from pathlib import Path

from mmengine.dist import (
    all_gather_object,
    broadcast_object_list,
    get_rank,
    get_world_size,
    is_main_process,
)
from mmengine.logging import print_log

from . import CheckpointError, damage
from .bank_rows import bank_damage
from .discovery import first_whole, folders_of, resumable


def choose_together(work_dir: str, named: str | None = None) -> str | None:
    """The checkpoint to resume from, the same on all ranks; all ranks call it.

    Rank 0 lists and hashes checkpoints; each rank hashes its own rows of a sharded
    bank, so every file is read once.

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
    found = [resumable(folders_of(Path(work_dir))) if is_main_process() else []]
    broadcast_object_list(found)
    newest = first_whole(found[0], work_dir, _damage_together)
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
