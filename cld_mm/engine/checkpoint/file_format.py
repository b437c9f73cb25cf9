"""Checkpoint files with a digest inside.

A checkpoint is the zip archive that ``torch.save`` writes. Its zip comment, the last
bytes of the file, says how far the run was and holds the SHA-256 of all bytes before
it, so that one flipped byte anywhere is found. ``torch.load`` and other zip readers
ignore the comment.
"""

import hashlib
import io
import os
import re
import shutil
import struct
import zipfile
from pathlib import Path
from typing import Any, NamedTuple

import torch

from cld_mm.fileio.atomic_write import open_atomically
from cld_mm.fileio.digests import sha256_of
from cld_mm.fileio.disk_errors import state_and_fix

_LABEL = re.compile(
    rb'cld_mm checkpoint kind=(full|weights) run=(\d+) epoch=(\d+) iter=(\d+) '
    rb'sha256=([0-9a-f]{64})\n\Z'
)
_TAIL = 256  # more than a label's bytes
_DIGEST = 65  # the digest's, with the line's end


class CheckpointError(RuntimeError):
    """A checkpoint cannot be written, or none can be read."""


class Label(NamedTuple):
    """What a checkpoint's comment says.

    Attributes:
        full: whether a run can be resumed from it; else it holds only weights.
        run: when its run began, in ns; the same after a resume.
        epoch: epochs begun and finished when it was saved.
        iter: iterations done.
        digest: SHA-256 of the bytes before it, in hexadecimal.
    """

    full: bool
    run: int
    epoch: int
    iter: int
    digest: str


def write_checkpoint(checkpoint: dict[str, Any], path: str | Path) -> None:
    """Write a checkpoint so that ``path`` is the old file or the whole new one.

    Args:
        checkpoint: what torch.save takes; run, epoch and iter of its ``meta`` go into
            the label, and it is labeled full if it holds an optimizer.
        path: on a local disk; folders are made.

    Raises:
        CheckpointError: the disk is full or fails; nothing is left of the new file.
    """
    path = Path(path)
    meta = checkpoint.get('meta', {})
    kind = 'full' if 'optimizer' in checkpoint else 'weights'
    numbers = ' '.join(f'{key}={meta.get(key, 0)}' for key in ('run', 'epoch', 'iter'))
    label = f'cld_mm checkpoint kind={kind} {numbers} sha256='.encode()
    buffer = io.BytesIO()
    torch.save(checkpoint, buffer)
    # Its last two bytes are the length of the zip comment, which follows.
    end = struct.pack('<H', len(label) + _DIGEST) + label
    body = buffer.getbuffer()[:-2]
    digest = hashlib.sha256(body)
    digest.update(end)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with open_atomically(path, check=_check_written) as file:
            file.write(body)
            file.write(end + digest.hexdigest().encode() + b'\n')
    except OSError as error:
        free = shutil.disk_usage(path.parent).free if path.parent.exists() else 0
        state, fix = state_and_fix(error)
        raise CheckpointError(
            f'the checkpoint {path} cannot be written: {state} '
            f'({error.strerror or error}; it has {len(body) / 1e6:.1f} MB and '
            f'{free / 1e6:.1f} MB are free); the older ones are kept: {fix} and '
            'continue with --resume.'
        ) from error


def _check_written(path: Path) -> None:
    reason = damage(path)
    if reason is not None:
        raise OSError(f'read back, it {reason}')


def read_label(path: str | Path) -> Label | None:
    """The label at the end of a checkpoint; None where there is none."""
    with open(path, 'rb') as file:
        file.seek(max(0, os.fstat(file.fileno()).st_size - _TAIL))
        tail = file.read()
    found = _LABEL.search(tail)
    if found is None:
        return None
    kind, run, epoch, iteration, digest = (p.decode() for p in found.groups())
    numbers = int(run), int(epoch), int(iteration)
    return Label(kind == 'full', *numbers, digest)


def damage(path: str | Path) -> str | None:
    """What is wrong with a checkpoint file, as the end of a sentence; None if nothing.

    A file without a label, as other programs write, is checked by the checksums of the
    zip archive.
    """
    try:
        label = read_label(path)
        if label is not None:
            same = sha256_of(path, os.path.getsize(path) - _DIGEST) == label.digest
            return None if same else 'does not match its digest'
        if not zipfile.is_zipfile(path):
            return 'is truncated or not a checkpoint'
        with zipfile.ZipFile(path) as archive:
            if archive.comment:
                return 'has a damaged label'
            return 'is damaged' if archive.testzip() else None
    except (
        OSError,
        zipfile.BadZipFile,
        EOFError,
        ValueError,
        NotImplementedError,
    ) as e:
        return f'cannot be read ({" ".join(str(e).split()) or type(e).__name__})'
