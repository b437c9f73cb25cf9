"""The first Ctrl-C waits for a checkpoint in writing, the second does not."""

import os
import signal
import sys
import time
from pathlib import Path

from mmengine.config import Config

from cld_mm.engine.checkpoint import save
from tools.stress import comparing, small_configs, small_runs


def hang_in_writes() -> None:
    save.write_checkpoint = lambda *_: time.sleep(600)  # type: ignore[assignment, return-value]


def main(folder: Path) -> None:
    data, work_dir = small_configs.digits(folder / 'data'), folder / 'twice'

    def make() -> Config:
        return small_configs.config(
            'moco',
            work_dir,
            data,
            epochs=2000,
            train_cfg__val_interval=10**6,
            default_hooks__checkpoint__interval=-1,
            default_hooks__checkpoint__every_iters=0,
            train_dataloader__batch_size=6,
        )

    leader = small_runs.spawn(make, work_dir, prepare=hang_in_writes)
    end = time.time() + 60
    while not comparing.losses(work_dir):
        assert time.time() < end, (work_dir / 'log.txt').read_text()[-2000:]
        time.sleep(0.05)
    os.killpg(leader, signal.SIGINT)
    time.sleep(2)
    assert os.waitpid(leader, os.WNOHANG) == (0, 0), 'it did not wait for the save'
    os.killpg(leader, signal.SIGINT)
    assert small_runs.wait(leader, 60) == -signal.SIGINT


if __name__ == '__main__':
    main(Path(sys.argv[1]))
