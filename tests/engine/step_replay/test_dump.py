"""Dumps of steps are plain data."""

from pathlib import Path

import pytest
import torch

from cld_mm.engine.step_replay.dump import read_dump, to_plain
from cld_mm.engine.step_replay.replay import replay


def test_a_dump_runs_nothing(tmp_path: Path) -> None:
    assert to_plain({'a': [1, object]}) == {'a': [1, repr(object)]}
    torch.save({'version': 1, 'bad': print}, tmp_path / 'rank_0.pth')
    with pytest.raises(ValueError, match='holds other objects'):
        read_dump(tmp_path / 'rank_0.pth')
    with pytest.raises(FileNotFoundError, match='there is no rank_N'):
        replay(tmp_path / 'nowhere' if (tmp_path / 'nowhere').mkdir() is None else '')
