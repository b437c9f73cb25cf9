"""Checkpoint files: every flipped bit and every truncation is detected."""

import resource
import signal
from pathlib import Path

import pytest
import torch

from cld_mm.engine.checkpoint import (
    CheckpointError,
    damage,
    read_label,
    write_checkpoint,
)


def checkpoint(step: int = 1) -> dict:
    return {
        'meta': {'iter': step, 'epoch': 0, 'run': 7},
        'state_dict': {'weight': torch.arange(300.0) + step},
        'optimizer': {},
    }


def test_every_flipped_byte_and_cut_is_found(tmp_path: Path) -> None:
    path = tmp_path / 'iter_1.pth'
    write_checkpoint(checkpoint(), path)
    assert damage(path) is None
    assert read_label(path)[:4] == (True, 7, 0, 1)
    loaded = torch.load(path, weights_only=True)
    assert torch.equal(loaded['state_dict']['weight'], torch.arange(300.0) + 1)
    whole = path.read_bytes()
    for place in [*range(0, len(whole), 7), *range(len(whole) - 200, len(whole))]:
        flipped = bytearray(whole)
        flipped[place] ^= 1 << place % 8
        path.write_bytes(flipped)
        assert damage(path) is not None, place
    for size in range(0, len(whole), 41):
        path.write_bytes(whole[:size])
        assert damage(path) is not None, size


def test_a_full_disk_keeps_the_old_and_leaves_no_half(tmp_path: Path) -> None:
    path = tmp_path / 'iter_1.pth'
    write_checkpoint(checkpoint(), path)
    old = path.read_bytes()
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:  # the kernel refuses bytes beyond this, as a full disk does
        resource.setrlimit(resource.RLIMIT_FSIZE, (len(old) // 2, limit[1]))
        with pytest.raises(CheckpointError, match=r'too large.* raise the limit'):
            write_checkpoint(checkpoint(2), path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)
        signal.signal(signal.SIGXFSZ, ignored)
    assert path.read_bytes() == old
    assert [p.name for p in tmp_path.iterdir()] == ['iter_1.pth']
