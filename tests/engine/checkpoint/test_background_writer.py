"""Checkpoints written in the background: copied at once, errors reported once."""

import resource
import signal
from pathlib import Path

import pytest
import torch

from cld_mm.engine.checkpoint import (
    CheckpointError,
    CheckpointWriter,
    write_checkpoint,
)


def checkpoint(step: int = 1) -> dict:
    return {
        'meta': {'iter': step, 'epoch': 0, 'run': 7},
        'state_dict': {'weight': torch.arange(300.0) + step},
        'optimizer': {},
    }


def test_a_full_disk_keeps_the_old_and_leaves_no_half(tmp_path: Path) -> None:
    path = tmp_path / 'iter_1.pth'
    write_checkpoint(checkpoint(), path)
    old = path.read_bytes()
    writer = CheckpointWriter()
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:  # the kernel refuses bytes beyond this, as a full disk does
        resource.setrlimit(resource.RLIMIT_FSIZE, (len(old) // 2, limit[1]))
        writer.submit(checkpoint(2), path)
        with pytest.raises(CheckpointError, match=r'too large.* raise the limit'):
            writer.wait()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)
        signal.signal(signal.SIGXFSZ, ignored)
    assert path.read_bytes() == old
    assert [p.name for p in tmp_path.iterdir()] == ['iter_1.pth']
    writer.wait()  # told once


def test_the_copy_is_taken_at_once(tmp_path: Path) -> None:
    state, writer = checkpoint(), CheckpointWriter()

    def fail() -> None:
        raise ZeroDivisionError

    writer.submit(state, tmp_path / 'a.pth', then=fail)
    state['state_dict']['weight'].zero_()
    with pytest.raises(CheckpointError, match='ZeroDivisionError'):
        writer.wait()
    saved = torch.load(tmp_path / 'a.pth', weights_only=True)
    assert torch.equal(saved['state_dict']['weight'], torch.arange(300.0) + 1)
