"""Rows of a sharded memory bank beside a checkpoint."""

from pathlib import Path

import pytest
import torch

from cld_mm.engine.checkpoint import (
    CheckpointError,
    write_checkpoint,
)
from cld_mm.engine.checkpoint.discovery import choose_together


@pytest.mark.parametrize('damage', ['flip', 'cut', 'gone'])
def test_damaged_bank_rows_are_found_at_resume(damage: str, tmp_path: Path) -> None:
    from cld_mm.engine.checkpoint.bank_rows import bank_damage, bank_folder, read_rows

    for step in (1, 2):
        path = tmp_path / f'iter_{step}.pth'
        rows = torch.randn(6, 3)
        folder = bank_folder(path)
        folder.mkdir()
        for low, high in ((0, 3), (3, 6)):
            name = folder / f'rows_{low}_{high}.pth'
            write_checkpoint({'rows': rows[low:high].clone()}, name)
        meta = {'iter': step, 'epoch': 0, 'run': 1}
        write_checkpoint({'meta': meta, 'optimizer': {}, 'state_dict': {}}, path)
        assert bank_damage(path) is None
        assert torch.equal(read_rows(folder, 1, 5), rows[1:5])
    victim = folder / ('rows_0_3.pth' if damage == 'gone' else 'rows_3_6.pth')
    data = bytearray(victim.read_bytes())
    if damage == 'flip':
        data[len(data) // 2] ^= 1
    victim.unlink() if damage == 'gone' else victim.write_bytes(
        data[:-9] if damage == 'cut' else data
    )
    assert 'rows of its memory bank' in bank_damage(path)
    with pytest.raises((ValueError, FileNotFoundError), match='restore the file'):
        read_rows(folder, 0, 6)
    assert choose_together(str(tmp_path)).endswith('iter_1.pth')
    with pytest.raises(CheckpointError, match='give another one'):
        choose_together(str(tmp_path), str(path))
