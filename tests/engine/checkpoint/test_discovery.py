"""The newest intact checkpoint is found; damaged ones are named."""

from pathlib import Path

import pytest
import torch

from cld_mm.engine.checkpoint import (
    CheckpointError,
    newest_good,
    write_checkpoint,
)


def checkpoint(step: int = 1) -> dict:
    return {
        'meta': {'iter': step, 'epoch': 0, 'run': 7},
        'state_dict': {'weight': torch.arange(300.0) + step},
        'optimizer': {},
    }


def test_the_newest_whole_one_is_taken_and_others_named(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert newest_good(tmp_path) is None
    for step in (1, 2, 3):
        write_checkpoint(checkpoint(step), tmp_path / f'iter_{step}.pth')
    newest = tmp_path / 'iter_3.pth'
    newest.write_bytes(newest.read_bytes()[:-300])
    assert newest_good(tmp_path) == tmp_path / 'iter_2.pth'
    for path in tmp_path.glob('*.pth'):
        path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(CheckpointError, match='none of the 3'):
        newest_good(tmp_path)
