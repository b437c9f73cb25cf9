"""Real runs under signals and on a disk that fills up."""

import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.run_tools import run_process


@pytest.fixture
def tiny_disk(tmp_path: Path) -> Iterator[Any]:
    """The mount point of a small disk of its own."""
    folder = tmp_path / 'disk'
    folder.mkdir()
    mount = ['mount', '-t', 'tmpfs', '-o', 'size=8m', 'tmpfs', str(folder)]
    try:
        subprocess.run(mount, check=True, capture_output=True, text=True)
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f'no small disk can be mounted here: {error}')
    yield folder
    subprocess.run(['umount', '-l', str(folder)], check=True)


@pytest.mark.slow
def test_a_checkpoint_is_saved_every_few_minutes(tmp_path: Path) -> None:
    run_process('-m', 'tests.programs.save_every_minutes', tmp_path)


@pytest.mark.slow
def test_a_run_whose_disk_fills_up_resumes_bit_exactly(
    tmp_path: Path, tiny_disk: Any
) -> None:
    run_process('-m', 'tests.programs.fill_disk', tmp_path, tiny_disk)


@pytest.mark.slow
@pytest.mark.parametrize('name', ['SIGTERM', 'SIGUSR1', 'SIGINT'])
def test_a_signal_saves_and_exits_with_its_code(name: str, tmp_path: Path) -> None:
    run_process('-m', 'tests.programs.stop_by_signal', tmp_path, name)


@pytest.mark.slow
def test_a_second_ctrl_c_does_not_wait_for_the_save(tmp_path: Path) -> None:
    run_process('-m', 'tests.programs.second_ctrl_c', tmp_path)
