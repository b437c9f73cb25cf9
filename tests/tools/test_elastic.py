"""torchrun: a killed worker is restarted, SIGTERM asks for a requeue."""

from pathlib import Path

import pytest

from tests.helpers.run_tools import run_process


@pytest.mark.slow
def test_a_killed_worker_restarts_and_sigterm_requeues(
    tmp_path: Path,
) -> None:
    run_process('-m', 'tests.programs.elastic_restart', tmp_path, seconds=280)
