"""A training run of seconds: the quickstart's recipe on a few images of digits."""

import json
import subprocess
from pathlib import Path
from typing import Any

from .run_tools import run_process

CONFIG = 'configs/mocov2_cld_r18_fashionmnist_10e.py'
LOADERS = (
    'train_dataloader',
    'val_dataloader',
    'test_dataloader',
    'val_cfg.train_dataloader',
    'test_cfg.train_dataloader',
)
SMALL: dict[str, Any] = {
    'train_dataloader.dataset.indices': 24,
    'val_dataloader.dataset.indices': 20,
    'test_dataloader.dataset.indices': 20,
    'val_cfg.train_dataloader.dataset.indices': 30,
    'test_cfg.train_dataloader.dataset.indices': 30,
    'val_cfg.k': 5,
    'test_cfg.k': 5,
    'train_dataloader.batch_size': 8,
    'model.queue_len': 32,
    'model.cld.grouping.num_groups': 3,
    'train_cfg.max_epochs': 2,
    'param_scheduler.T_max': 10,  # for any number of epochs
    'train_cfg.val_interval': 2,
    'default_hooks.logger.interval': 1,
    'default_hooks.checkpoint.interval': 1,
    'log_processor.window_size': 1,
}


def options(digits: Path, **changes: Any) -> list[str]:
    """``--cfg-options ...`` for a run of seconds; ``a__b=1`` sets ``a.b``."""
    settings = {**SMALL, **{k.replace('__', '.'): v for k, v in changes.items()}}
    settings |= {f'{loader}.dataset.data_root': digits for loader in LOADERS}
    return ['--cfg-options', *(f'{key}={value}' for key, value in settings.items())]


def train(
    digits: Path, work_dir: Path, *words: Any, **changes: Any
) -> subprocess.CompletedProcess[str]:
    """``tools/train.py`` in a process of its own."""
    words = ('--work-dir', work_dir, *words, *options(digits, **changes))
    return run_process('tools/train.py', CONFIG, *words)


def losses(work_dir: Path) -> list[tuple[int, int, float, float]]:
    """Epoch, iteration, loss and CLD loss of each logged step, of all runs."""
    records: list[dict[str, Any]] = []
    for log in sorted(work_dir.glob('*/vis_data/scalars.json')):
        records += [json.loads(line) for line in log.read_text().splitlines()]
    return [
        (r['epoch'], r['iter'], r['loss'], r['loss_cld'])
        for r in records
        if 'loss' in r
    ]
