"""Runs killed at random points resume bit-exactly."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.helpers import ROOT
from tests.helpers.run_tools import run_process

SCRIPT = 'tools/stress/kill_resume.py'
# Two ranks; the second run gets SIGTERM in the evaluation, where one has a batch less.
KILLS = [SCRIPT, '--kills', '2', '--seed', '598', '--ranks', '2']
KILLS += ['--cases', 'swav_cld', 'linear']


@pytest.mark.slow
def test_killed_runs_resume_bit_exactly() -> None:
    done = run_process(*KILLS)
    last = json.loads(done.stdout.splitlines()[-1])
    assert last['kills'] >= 2
    assert last['differing_runs'] == 0


@pytest.mark.slow
def test_a_long_script_that_is_stopped_leaves_nothing(tmp_path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, SCRIPT, '--kills', '50'],
        cwd=ROOT,
        env={**os.environ, 'OMP_NUM_THREADS': '1', 'TMPDIR': str(tmp_path)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    end = time.monotonic() + 120
    while not list(tmp_path.glob('*/run_0/*/started')) and time.monotonic() < end:
        time.sleep(0.05)
    process.terminate()
    assert process.wait(60) == 128 + signal.SIGTERM
    assert list(tmp_path.glob('kill_resume_*')) == []
