"""tools/slurm_train.sh, with stand-ins for Slurm's commands."""

import os
import subprocess
from pathlib import Path

import pytest
from mmengine.config import Config

from cld_mm.engine.consistency.setup import resume_together
from tests.helpers import ROOT
from tests.helpers.run_tools import run_process
from tests.helpers.training import CONFIG, options


def stand_in(path: Path, lines: str) -> None:
    path.write_text('#!/usr/bin/env bash\n' + lines)
    path.chmod(0o755)


@pytest.mark.parametrize('batch', [False, True])
def test_a_run_that_asks_for_it_is_requeued(batch: bool, tmp_path: Path) -> None:
    """By srun at once, or in a batch job by Slurm; a failure is not requeued."""
    stand_in(
        tmp_path / 'srun',
        'echo "$@" >> "$SEEN"\n[ "$(wc -l < "$SEEN")" = 1 ] && exit 75\nexit 3\n',
    )
    stand_in(tmp_path / 'scontrol', 'echo "scontrol $*" >> "$SEEN"\n')
    env = {**os.environ, 'PATH': f'{tmp_path}:{os.environ["PATH"]}'}
    env |= {'SEEN': str(tmp_path / 'seen'), 'SLURM_JOB_ID': '41' if batch else ''}
    done = subprocess.run(
        ['bash', 'tools/slurm_train.sh', 'short', 'job', 'x.py', 'run', '--amp'],
        cwd=ROOT,
        env=env,
        timeout=60,
        capture_output=True,
        text=True,
    )
    first, second = (tmp_path / 'seen').read_text().splitlines()
    assert first.endswith('x.py --work-dir run --launcher slurm --amp')
    assert '--signal=USR1@120' in first.split()
    if batch:  # Slurm starts the script again and sets SLURM_RESTART_COUNT
        assert (done.returncode, second) == (75, 'scontrol requeue 41')
    else:
        assert done.returncode == 3
        assert second == f'{first} --resume'


@pytest.mark.parametrize(('count', 'resumes'), [('0', False), ('1', True)])
def test_a_requeued_run_resumes(
    count: str, resumes: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv('SLURM_RESTART_COUNT', count)
    cfg = Config({'resume': False, 'load_from': None})
    resume_together(cfg)
    assert cfg.resume is resumes


def test_slurm_script_starts_ranks(digits: Path, tmp_path: Path) -> None:
    """With a stand-in for srun that starts one task as Slurm would."""
    stand_in(
        tmp_path / 'srun',
        'while [[ $1 == --* ]]; do echo "$1" >> "$SEEN"; shift; done\n'
        'SLURM_PROCID=0 SLURM_LOCALID=0 SLURM_NTASKS=1 exec "$@"\n',
    )
    seen = tmp_path / 'seen'
    words = ['short', 'job', CONFIG, tmp_path / 'run', '--no-validate']
    run_process(
        'tools/slurm_train.sh',
        *words,
        *options(digits, train_cfg__max_epochs=1),
        PATH=f'{tmp_path}:{os.environ["PATH"]}',
        SEEN=str(seen),
        GPUS='1',
        MASTER_PORT='29677',
    )
    assert (tmp_path / 'run/epoch_1.pth').is_file()
    flags = {'--partition=short', '--job-name=job', '--ntasks=1'}
    assert flags <= set(seen.read_text().split())
