"""Two runs never share a work directory."""

import subprocess
import sys
from pathlib import Path

import pytest

from cld_mm.engine.checkpoint.work_dir_lock import lock
from tests.helpers import ROOT

LOCK = """
import sys
from cld_mm.engine.checkpoint.work_dir_lock import lock
lock(sys.argv[1], wait=0.2)
"""


def lock_elsewhere(folder: Path) -> str:
    """The error of another process that locks the same folder."""
    words = [sys.executable, '-c', LOCK, str(folder)]
    return subprocess.run(words, cwd=ROOT, capture_output=True, text=True).stderr


@pytest.mark.slow
def test_a_second_run_in_a_work_dir_is_refused(tmp_path: Path) -> None:
    held = lock(tmp_path)
    assert held is not None
    message = lock_elsewhere(tmp_path)
    assert 'another run is training in' in message
    assert 'choose another --work-dir' in message


@pytest.mark.slow
def test_a_released_work_dir_is_free(tmp_path: Path) -> None:
    held = lock(tmp_path)
    assert held is not None
    held.release()
    assert 'CheckpointError' not in lock_elsewhere(tmp_path)


@pytest.mark.slow
def test_one_process_may_train_twice_in_a_row(tmp_path: Path) -> None:
    first = lock(tmp_path)  # of a run that failed, and is still referred to
    assert lock(tmp_path, wait=0.2) is first
