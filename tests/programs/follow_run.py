"""An unbroken run follows a run that is stopped and resumed, and ends where it does."""

import sys
import time
from collections.abc import Callable
from pathlib import Path

from mmengine.config import Config

from tools.stress import comparing, small_configs, small_runs
from tools.stress.unbroken import Unbroken


def main(folder: Path) -> None:
    data = small_configs.digits(folder / 'data')
    whole, parts = folder / 'whole', folder / 'parts'

    def make(work_dir: Path) -> Callable[[], Config]:
        return lambda: small_configs.config(
            'moco_cld',
            work_dir,
            data,
            default_hooks__checkpoint__interval=-1,
            train_dataloader__batch_size=6,
        )

    def reached(work_dir: Path, default: int = 0) -> int:
        return max(comparing.losses(work_dir), default=default)

    other = Unbroken(make(whole), whole, parts, ranks=1)
    for stop in (3, 7):
        kill = small_runs.Kill('stop', stop)
        first = small_runs.spawn(make(parts), parts, resume=stop > 3, kill=kill)
        while reached(parts) < stop:
            other.follow()
            assert reached(whole) < reached(parts, default=1)
            time.sleep(0.02)
        code = small_runs.wait(first)
        assert code == 75, (code, (parts / 'log.txt').read_text()[-2000:])
        other.follow()
    while reached(whole) < stop - 1:
        time.sleep(0.02)
    time.sleep(0.3)
    assert reached(whole) == stop - 1, 'it must wait for the last iteration'
    other.stop_at(stop)
    assert small_runs.wait(other.leader) == 75, other.tail()
    assert reached(whole) == stop
    found = comparing.differences(whole, parts)
    assert not found, found


if __name__ == '__main__':
    main(Path(sys.argv[1]))
