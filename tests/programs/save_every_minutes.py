"""Train with a checkpoint every 1.2 minutes of a clock that gains 30 s per reading."""

import sys
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from types import SimpleNamespace

from mmengine.config import Config

from cld_mm.engine.hooks import checkpoint
from tools.stress import small_configs, small_runs


def slow_clock() -> None:
    clock: Iterator[int] = count(0, 30)
    checkpoint.time = SimpleNamespace(  # type: ignore[assignment]
        monotonic=lambda: next(clock), time_ns=lambda: 7
    )


def main(folder: Path) -> None:
    data, work_dir = small_configs.digits(folder / 'data'), folder / 'minutes'

    def make() -> Config:
        return small_configs.config(
            'moco',
            work_dir,
            data,
            train_cfg__val_interval=10**6,
            default_hooks__checkpoint__interval=-1,
            default_hooks__checkpoint__every_iters=0,
            default_hooks__checkpoint__every_minutes=1.2,
            default_hooks__checkpoint__keep_recent=9,
            train_dataloader__batch_size=6,
        )

    leader = small_runs.spawn(make, work_dir, prepare=slow_clock)
    assert small_runs.wait(leader, 60) == 0, (work_dir / 'log.txt').read_text()[-2000:]
    saved = sorted(int(path.stem[5:]) for path in work_dir.glob('iter_*.pth'))
    assert saved == [3, 6, 9, 12], saved


if __name__ == '__main__':
    main(Path(sys.argv[1]))
