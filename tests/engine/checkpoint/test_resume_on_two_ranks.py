"""Two ranks, interrupted and resumed: losses and weights are bitwise identical."""

from pathlib import Path
from typing import Any

import pytest
import torch

from tests.helpers.run_tools import run_process
from tests.helpers.training import losses, options

CONFIGS: dict[str, dict[str, Any]] = {
    'npid_cld_r18_fashionmnist_10e': {'model__num_images': 24},
    'infomin_cld_r18_fashionmnist_10e': {},
    'byol_cld_r18_fashionmnist_10e': {},
}


def train(config: str, digits: Path, work_dir: Path, port: int, *words: str) -> None:
    changes = {'train_dataloader__batch_size': 4, 'train_cfg__max_epochs': 3}
    changes |= {'train_cfg__val_interval': 9, **CONFIGS[config]}
    settings = options(digits, **changes)
    if 'infomin' not in config:
        settings = [word for word in settings if 'queue_len' not in word]
    words = (f'configs/{config}.py', '2', '--work-dir', str(work_dir), *words)
    run_process('tools/dist_train.sh', *words, *settings, PORT=str(port))


@pytest.mark.slow
@pytest.mark.parametrize('config', CONFIGS)
def test_resume_is_exact_on_two_ranks(
    config: str, digits: Path, tmp_path: Path
) -> None:
    port = 29640 + 3 * list(CONFIGS).index(config)
    whole, parts = tmp_path / 'whole', tmp_path / 'parts'
    # BYOL's target follows a schedule over the whole run, so the run is cut short
    # by deleting what came after, not by planning fewer epochs.
    train(config, digits, whole, port)
    parts.mkdir()
    (parts / 'epoch_1.pth').write_bytes((whole / 'epoch_1.pth').read_bytes())
    (parts / 'last_checkpoint').write_text(str(parts / 'epoch_1.pth'))
    train(config, digits, parts, port + 1, '--resume')
    unbroken = losses(whole)
    assert len(unbroken) == 9
    assert losses(parts) == [record for record in unbroken if record[0] > 1]
    one, two = (
        torch.load(folder / 'epoch_3.pth')['state_dict'] for folder in (whole, parts)
    )
    assert one.keys() == two.keys()
    for name in one:
        torch.testing.assert_close(
            one[name], two[name], rtol=0, atol=0, equal_nan=True, msg=name
        )
