"""The unbroken run of the soak follows the broken one."""

from pathlib import Path

import pytest

from tests.helpers.run_tools import run_process


@pytest.mark.slow
def test_it_ends_where_the_broken_run_did(tmp_path: Path) -> None:
    run_process('-m', 'tests.programs.follow_run', tmp_path)
