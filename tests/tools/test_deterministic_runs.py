"""Two runs with --deterministic and one seed are bitwise identical."""

from pathlib import Path

import torch

from cld_mm.engine.checkpoint import (
    newest_good,
)
from tests.helpers.run_tools import call_tool
from tools.stress import comparing, small_configs


def test_deterministic_mode_gives_the_same_bits_twice(
    digits: Path, tmp_path: Path
) -> None:
    ends = []
    try:
        for name in ('one', 'two'):
            path = tmp_path / f'{name}.py'
            cfg = small_configs.config(
                'moco_cld', tmp_path, digits, epochs=1, train_dataloader__batch_size=6
            )
            cfg.experiment_name = f'twice-{tmp_path.name}-{name}'
            cfg.dump(path)
            words = [str(path), '--deterministic', '--seed', '3', '--no-validate']
            words += ['--work-dir', str(tmp_path / name)]
            torch.manual_seed(len(ends))  # what was before has no say
            assert call_tool('tools/train.py', *words).code == 0
            ends.append(newest_good(tmp_path / name))
    finally:
        torch.use_deterministic_algorithms(False)
    one, two = (torch.load(end, weights_only=True) for end in ends)
    found: list[str] = []
    for key in ('state_dict', 'optimizer', 'ranks'):
        comparing.unequal(one[key], two[key], key, found)
    assert found == []
