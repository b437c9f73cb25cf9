"""Two ranks, interrupted and resumed: losses and weights equal to the last bit."""

import os
import subprocess
import sys

import pytest
import torch
from test_train import ROOT, losses, options

CONFIGS = {
    'npid_cld_r18_fashionmnist_10e': {'model__num_images': 24},
    'infomin_cld_r18_fashionmnist_10e': {},
    'byol_cld_r18_fashionmnist_10e': {},
}


def train(config, digits, work_dir, port, *words, **changes):
    changes.setdefault('train_dataloader__batch_size', 4)
    settings = options(digits, train_cfg__val_interval=9, **changes)
    if 'infomin' not in config:
        settings = [word for word in settings if 'queue_len' not in word]
    done = subprocess.run(
        [
            'bash',
            'tools/dist_train.sh',
            f'configs/{config}.py',
            '2',
            '--work-dir',
            str(work_dir),
            *words,
            *settings,
        ],
        cwd=ROOT,
        env={**os.environ, 'PYTHON': sys.executable, 'PORT': str(port)},
        timeout=240,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return done


@pytest.mark.parametrize('config', CONFIGS)
def test_resume_is_exact_on_two_ranks(config, digits, tmp_path):
    settings = CONFIGS[config]
    port = 29640 + 3 * list(CONFIGS).index(config)
    whole, parts = tmp_path / 'whole', tmp_path / 'parts'
    # BYOL's target follows a schedule over the whole run, so the run is cut short
    # by deleting what came after, not by planning fewer epochs.
    train(config, digits, whole, port, train_cfg__max_epochs=3, **settings)
    parts.mkdir()
    (parts / 'epoch_1.pth').write_bytes((whole / 'epoch_1.pth').read_bytes())
    (parts / 'last_checkpoint').write_text(str(parts / 'epoch_1.pth'))
    train(
        config, digits, parts, port + 1, '--resume', train_cfg__max_epochs=3, **settings
    )
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
