"""The rows of a sharded memory bank: one file per rank beside the checkpoint.

``epoch_1.pth`` has ``epoch_1.bank/rows_<first>_<end>.pth``, on a file system that all
ranks share. Any number of ranks can read them, each only its own rows.
"""

import re
import shutil
from pathlib import Path

import torch
from mmengine.dist import barrier, is_main_process
from torch import Tensor, nn

from cld_mm.distributed.collectives import world_size
from cld_mm.fileio.checkpoint_loading import load_safely
from cld_mm.models.memories.sharded_bank import ShardedMemoryBank, shard_bounds

from .file_format import damage, write_checkpoint

_NAME = re.compile(r'rows_(\d+)_(\d+)\.pth')


def bank_folder(checkpoint: str | Path) -> Path:
    """The folder with the rows of a checkpoint's bank."""
    return Path(checkpoint).with_suffix('.bank')


def sharded_bank(model: nn.Module) -> ShardedMemoryBank | None:
    """The model's sharded bank, or None."""
    found = (m for m in model.modules() if isinstance(m, ShardedMemoryBank))
    return next(found, None)


def save_rows(bank: ShardedMemoryBank, checkpoint: str | Path) -> None:
    """Write this rank's rows; all ranks call it. Each file is whole or absent."""
    folder = bank_folder(checkpoint)
    path = folder / f'rows_{bank.start}_{bank.stop}.pth'
    write_checkpoint({'rows': bank.features.cpu().clone()}, path)
    barrier()
    if is_main_process():  # files of another number of ranks under this name
        ranks = world_size()
        bounds = [shard_bounds(len(bank), rank, ranks) for rank in range(ranks)]
        for low, high, other in _files(folder):
            if (low, high) not in bounds:
                other.unlink()
    barrier()


def _files(folder: Path) -> list[tuple[int, int, Path]]:
    """First row, end and path of each file of a folder, in the rows' order."""
    matches = [(_NAME.fullmatch(path.name), path) for path in folder.glob('rows_*.pth')]
    return sorted((int(m[1]), int(m[2]), path) for m, path in matches if m)


def read_rows(folder: Path, start: int, stop: int) -> Tensor:
    """Rows ``start`` to ``stop`` of a saved bank, ``(stop - start, C)``.

    Raises:
        FileNotFoundError: some rows are in none of the files.
        ValueError: a file is damaged, or has other rows than its name says.
    """
    parts, reached = [], start
    for low, high, path in _files(folder):
        if low <= reached < min(high, stop):
            reason = damage(path)
            if reason is not None:
                raise ValueError(
                    f'{path} {reason}: restore the file, or resume from the checkpoint '
                    'before.'
                )
            rows = load_safely(path, mmap=True)['rows']
            if len(rows) != high - low:
                raise ValueError(f'{path} has {len(rows)} rows: it is incomplete.')
            end = min(high, stop)
            parts.append(rows[reached - low : end - low].clone())
            reached = end
    if reached < stop:
        raise FileNotFoundError(
            f'{folder} has no row {reached} of the memory bank, of which rows {start} '
            f'to {stop} are needed: restore the files of all ranks, or start a new run.'
        )
    return torch.cat(parts)


def bank_damage(checkpoint: str | Path, rank: int = 0, ranks: int = 1) -> str | None:
    """What is wrong with the rows beside a checkpoint, as the end of a sentence.

    Args:
        checkpoint: the file beside them.
        rank: this one reads the files that begin among its own rows.
        ranks: how many ranks share the reading.

    Returns:
        None if there are none, or all that this rank reads are intact.
    """
    reached, folder = 0, bank_folder(checkpoint)
    start, stop = shard_bounds(num_rows(folder), rank, ranks)
    for low, high, path in _files(folder):
        reason = damage(path) if start <= low < stop else None
        if reason is None and low > reached:
            reason = f'begins after row {reached}, which is in no file'
        if reason is not None:
            return f'has damaged rows of its memory bank ({path} {reason})'
        reached = max(reached, high)
    return None


def num_rows(folder: Path) -> int:
    """How many rows the saved bank has."""
    return max((high for _, high, _ in _files(folder)), default=0)


def load_rows(bank: ShardedMemoryBank, checkpoint: str | Path) -> None:
    """Read this rank's rows, written by any number of ranks.

    Raises:
        FileNotFoundError: the rows are not beside the checkpoint.
        ValueError: the saved bank belongs to another dataset.
    """
    folder = bank_folder(checkpoint)
    saved = num_rows(folder)
    if saved and saved != len(bank):
        raise ValueError(
            f'{folder} has a memory bank of {saved} images, but this model has '
            f'{len(bank)}: a bank belongs to one dataset, so train on the same one, or '
            'start a new run.'
        )
    rows = read_rows(folder, bank.start, bank.stop)
    if rows.shape != bank.features.shape:
        raise ValueError(
            f"{folder} has rows of size {rows.shape[1]}, but the model's have "
            f'{bank.features.shape[1]}: set model.feat_dim to the former.'
        )
    bank.features.copy_(rows)


def remove_orphans(folder: str | Path) -> None:
    """Delete rows whose checkpoint was deleted."""
    for rows in Path(folder).glob('*.bank'):
        if rows.is_dir() and not rows.with_suffix('.pth').exists():
            shutil.rmtree(rows)
