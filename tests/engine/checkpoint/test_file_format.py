"""Checkpoint files: every flipped bit and every truncation is detected."""

from pathlib import Path

import torch

from cld_mm.engine.checkpoint import (
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
