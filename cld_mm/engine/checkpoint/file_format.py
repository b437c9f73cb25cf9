"""Checkpoint files with a digest inside.

A checkpoint is the zip archive that ``torch.save`` writes. Its zip comment, the last
bytes of the file, says how far the run was and holds the SHA-256 of all bytes before
it, so that one flipped byte anywhere is found. ``torch.load`` and other zip readers
ignore the comment.
"""

import hashlib
import os
import re
import shutil
import struct
import zipfile
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

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


class _HashingFile:
    """The file that torch.save writes to: hashes its bytes, and keeps an error.

    An exception that passes through torch's archive writer ends the process or turns
    into another one, so it is kept for later and the other bytes are dropped. The last
    two bytes, the length of the zip comment, are held back to be replaced.
    """

    def __init__(self, file: BinaryIO) -> None:
        self.file = file
        self.hash = hashlib.sha256()
        self.held = b''
        self.written = 0
        self.error: OSError | None = None

    def write(self, data: Any) -> int:
        view = memoryview(data).cast('B')
        if len(view) < 2:
            joined = self.held + bytes(view)
            body, self.held = joined[:-2], joined[-2:]
            self.put(body)
        else:
            self.put(self.held)
            self.put(view[:-2])
            self.held = bytes(view[-2:])
        return len(view)

    def put(self, data: Any) -> None:
        if self.error is None:
            try:
                self.file.write(data)
                self.hash.update(data)
                self.written += len(data)
            except OSError as error:
                self.error = error

    def flush(self) -> None:
        """Nothing: the file is flushed once, at the end."""


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
    written = 0
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with open_atomically(path, check=_check_written) as file:
            out = _HashingFile(file)
            torch.save(checkpoint, out)  # type: ignore[arg-type]
            out.put(struct.pack('<H', len(label) + _DIGEST) + label)
            written = out.written
            if out.error is not None:
                raise out.error
            file.write(out.hash.hexdigest().encode() + b'\n')
    except OSError as error:
        free = shutil.disk_usage(path.parent).free if path.parent.exists() else 0
        state, fix = state_and_fix(error)
        raise CheckpointError(
            f'the checkpoint {path} cannot be written: {state} '
            f'({error.strerror or error}, after {written / 1e6:.1f} MB; '
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
