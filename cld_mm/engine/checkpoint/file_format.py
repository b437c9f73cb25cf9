"""Checkpoint files: written beside, flushed, verified, renamed; a digest inside.

A checkpoint is the zip archive that ``torch.save`` writes. Its zip comment, the last
bytes of the file, says how far the run was and holds the SHA-256 of all bytes before
it, so that one flipped byte anywhere is found; ``torch.load`` and every zip reader pass
over a comment.
"""

import hashlib
import os
import re
import shutil
import struct
import sys
import zipfile
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import torch

from cld_mm.fileio.disk_errors import state_and_cure

_LABEL = re.compile(
    rb'cld_mm checkpoint kind=(full|weights) run=(\d+) epoch=(\d+) iter=(\d+) '
    rb'sha256=([0-9a-f]{64})\n\Z'
)
_TAIL = 256  # more than a label's bytes
_DIGEST = 65  # the digest's, with the line's end


class CheckpointError(RuntimeError):
    """A checkpoint cannot be written, or not one of them can be read."""


class Label(NamedTuple):
    """What a checkpoint's comment says.

    Attributes:
        full: whether a run can be resumed from it; else it holds weights only.
        run: when the run began that it belongs to, ns; the same after a resume.
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
    """What torch.save writes into: hashes, and remembers an error for later.

    An exception that passes through torch's archive writer ends the process or turns
    into another one, so it is kept and the rest of the bytes dropped. The last two
    bytes, the length of the zip comment, are held back to be replaced.
    """

    def __init__(self, file: BinaryIO) -> None:
        self.file = file
        self.hash = hashlib.sha256()
        self.held = b''
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
            except OSError as error:
                self.error = error

    def flush(self) -> None:
        """Nothing: the file is flushed once, at the end."""


def write_checkpoint(checkpoint: dict, path: str | Path) -> None:
    """Write a checkpoint so that ``path`` is the old file or the whole new one.

    Args:
        checkpoint: what torch.save takes; its ``meta``'s run, epoch and iter go into
            the label, and it is labelled full where it holds an optimiser.
        path: on a local disk; what was there is replaced, folders are made.

    Raises:
        CheckpointError: the disk is full or fails; nothing is left of the new file.
    """
    path = Path(path)
    part = path.with_name(f'.{path.name}.part')
    meta = checkpoint.get('meta', {})
    kind = 'full' if 'optimizer' in checkpoint else 'weights'
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(part, 'wb') as file:
            out = _HashingFile(file)
            torch.save(checkpoint, out)  # type: ignore[arg-type]
            head = (
                f'cld_mm checkpoint kind={kind} run={meta.get("run", 0)} '
                f'epoch={meta.get("epoch", 0)} '
                f'iter={meta.get("iter", 0)} sha256='
            ).encode()
            out.put(struct.pack('<H', len(head) + _DIGEST) + head)
            if out.error is not None:
                raise out.error
            file.write(out.hash.hexdigest().encode() + b'\n')
            file.flush()
            os.fsync(file.fileno())
        reason = damage(part)
        if reason is not None:
            raise OSError(f'read back, it {reason}')
        os.replace(part, path)
        _sync_folder(path.parent)
    except OSError as error:
        written = part.stat().st_size if part.is_file() else 0
        with suppress(OSError):
            part.unlink(missing_ok=True)
        free = shutil.disk_usage(path.parent).free if path.parent.exists() else 0
        state, cure = state_and_cure(error)
        raise CheckpointError(
            f'the checkpoint {path} cannot be written: {state} '
            f'({error.strerror or error}, after {written / 1e6:.1f} MB; '
            f'{free / 1e6:.1f} MB are free); the older ones are kept: {cure} and go on '
            'with --resume.'
        ) from error


def write_text(path: Path, text: str) -> None:
    """Replace a small text file as a whole."""
    part = path.with_name(f'.{path.name}.part')
    with open(part, 'w') as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    os.replace(part, path)


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

    A file without a label, such as one of another program's, is held against the
    checksums of the zip archive.
    """
    try:
        label = read_label(path)
        if label is not None:
            left = os.path.getsize(path) - _DIGEST
            digest = hashlib.sha256()
            with open(path, 'rb') as file:
                while left:
                    chunk = file.read(min(left, 1 << 20))
                    if not chunk:
                        return 'is cut short'
                    digest.update(chunk)
                    left -= len(chunk)
            same = digest.hexdigest() == label.digest
            return None if same else 'does not match its digest'
        if not zipfile.is_zipfile(path):
            return 'is cut short or no checkpoint'
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


def _sync_folder(folder: Path) -> None:
    if sys.platform == 'win32':  # cannot open a folder
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
