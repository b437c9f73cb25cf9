"""Which checkpoint all ranks resume from: each looks at its share, all agree."""

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

    Rank 0 lists them. It hashes a checkpoint while each rank hashes its own part of
    the bank's rows beside it, so that every file is read once.

    Args:
        work_dir: the run's.
        named: take this one or none; a file, or an address.

    Returns:
        None, with a warning, where there is none.

    Raises:
        CheckpointError: the one that is named is damaged, or all are.
    """
    if named is not None:
        reason = _damage_together(Path(named))
        if reason is not None:
            raise CheckpointError(
                f'the checkpoint {named} {reason}: name another one, or let --resume '
                'alone find the newest that is whole.'
            )
        return named
    found = [resumable(folders_of(Path(work_dir))) if is_main_process() else []]
    broadcast_object_list(found)
    newest = first_whole(found[0], work_dir, _damage_together)
    if newest is None:
        print_log(
            f'there is no checkpoint in {work_dir} to resume from: the run starts '
            'anew.',
            'current',
            level=logging.WARNING,
        )
    return None if newest is None else str(newest)


def _damage_together(path: Path) -> str | None:
    """What any rank finds wrong with a checkpoint or the rows beside it."""
    own = None
    if path.is_file():  # else an address
        own = damage(path) if is_main_process() else None
        own = own or bank_damage(path, get_rank(), get_world_size())
    return next((reason for reason in all_gather_object(own) if reason), None)
