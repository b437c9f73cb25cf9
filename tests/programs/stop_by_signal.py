"""Two ranks save and exit with the code of the signal: SIGTERM, SIGUSR1 or SIGINT.

Arguments: a folder and the signal's name. SIGUSR1 comes during the evaluation, SIGTERM
twice, as some schedulers send it.
"""

import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

import torch
from mmengine.config import Config

from tools.stress import comparing, small_configs, small_runs

CODES = {'SIGTERM': 75, 'SIGUSR1': 75, 'SIGINT': 130}


def main(folder: Path, name: str) -> None:
    data = small_configs.digits(folder / 'data')
    work_dir, evaluated = folder / name, folder / name / 'evaluated'
    in_evaluation = name == 'SIGUSR1'
    settings: dict[str, Any] = {}
    if in_evaluation:
        settings = {
            'train_cfg__val_interval': 1,
            'val_cfg__train_dataloader__batch_size': 1,
            'val_cfg__train_dataloader__dataset__indices': 1200,
        }

    def make() -> Config:
        return small_configs.config(
            'moco',
            work_dir,
            data,
            epochs=2000,
            workers=1,
            train_dataloader__batch_size=3,
            **settings,
        )

    def log() -> str:
        return (work_dir / 'log.txt').read_text()[-2000:]

    leader = small_runs.spawn(make, work_dir, ranks=2)
    end = time.time() + 60
    while not (evaluated.exists() if in_evaluation else comparing.losses(work_dir, 1)):
        assert time.time() < end, log()
        time.sleep(0.05)
    for _ in range(2 if name == 'SIGTERM' else 1):
        os.killpg(leader, signal.Signals[name])
    code = small_runs.wait(leader, 60)
    assert code == CODES[name], (code, log())
    done = max(comparing.losses(work_dir))
    saved = work_dir / f'iter_{done}.pth'
    assert saved.is_file(), (done, os.listdir(work_dir))
    if in_evaluation:  # it stopped early, and the checkpoint says so
        assert len(evaluated.read_text()) < 1000
        assert done == 4
        assert not torch.load(saved, weights_only=True)['meta']['validated']


if __name__ == '__main__':
    main(Path(sys.argv[1]), sys.argv[2])
