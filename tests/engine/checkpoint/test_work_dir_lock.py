"""Two runs never share a work directory."""

import os
from pathlib import Path

from cld_mm.engine.checkpoint import (
    CheckpointError,
)
from cld_mm.engine.checkpoint.work_dir_lock import lock


def test_a_second_run_in_a_work_dir_is_refused(tmp_path: Path) -> None:
    held = lock(tmp_path)

    def other() -> str:
        reading, writing = os.pipe()
        child = os.fork()
        if not child:
            try:
                lock(tmp_path)
            except CheckpointError as error:
                os.write(writing, str(error).encode())
            finally:
                os._exit(0)
        os.close(writing)
        os.waitpid(child, 0)
        with os.fdopen(reading) as said:
            return said.read()

    assert f'another run (process {os.getpid()} on' in other()
    held.close()
    assert other() == ''
