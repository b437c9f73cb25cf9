"""A tiny dataset and study, whose runs take seconds."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[2]

CONFIG = """
_base_ = '{root}/configs/cpu/npid_cld_r18w16_cifar10_4k.py'
model = dict(
    num_images=60,
    feat_dim=8,
    backbone=dict(stem_channels=4, base_channels=4),
    neck=dict(in_channels=32, out_channels=8),
    cld=dict(grouping=dict(num_groups=4)),
)
train_dataloader = dict(batch_size=10, dataset=dict(dataset=dict(data_root='{data}')))
val_cfg = dict(train_dataloader=dict(dataset=dict(data_root='{data}')))
val_dataloader = dict(dataset=dict(data_root='{data}'))
val_evaluator = dict(topk=(1,))
test_evaluator = val_evaluator
optim_wrapper = dict(dtype='float16')
train_cfg = dict(max_iters=6, val_interval=2)
param_scheduler = dict(
    _delete_=True, type='CosineAnnealingLR', T_max=6, by_epoch=False, begin=0, end=6
)
default_hooks = dict(logger=dict(interval=1))
"""
STUDY = """
arms = dict(
    plain=dict(config='{config}', options={{'model.cld.loss_weight': 0.0}}),
    cld=dict(config='{config}'),
)
seeds = [0, 1]
pairs = [('cld', 'plain')]
tuning = dict(
    steps=3,
    held_out=0.2,
    trials=dict(
        plain=[{{'optim_wrapper.optimizer.lr': lr}} for lr in (0.01, 0.02)],
        cld=[{{'optim_wrapper.optimizer.lr': lr}} for lr in (0.01, 0.02)],
    ),
)
measures = dict(k=[1, 5])
"""


def write_data(folder: Path, seed: int = 0) -> None:
    """60 training and 20 test images of two classes that differ in color."""
    rng = np.random.default_rng(seed)
    folder.mkdir(parents=True, exist_ok=True)
    for split, count in (('train', 60), ('test', 20)):
        labels = np.arange(count) % 2
        images = rng.integers(0, 120, (count, 8, 8, 3))
        images[..., 0] += 100 * labels[:, None, None]
        np.savez(
            folder / f'{split}.npz',
            images=images.astype(np.uint8),
            labels=labels,
            classes=np.array(['blue', 'red']),
        )


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    """Path of a tiny study; its config and data are beside it."""
    write_data(tmp_path / 'data')
    config = tmp_path / 'configs' / 'config.py'  # not among the studies
    config.parent.mkdir()
    config.write_text(CONFIG.format(root=ROOT, data=tmp_path / 'data'))
    study = tmp_path / 'tiny.py'
    study.write_text(STUDY.format(config=config))
    return study


@pytest.fixture
def write_arrays() -> Any:
    """Writes other images into a folder."""
    return write_data
