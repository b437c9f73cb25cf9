"""A tiny pre-training config for a folder of images without labels."""

from pathlib import Path

import numpy as np
from PIL import Image

CONFIG = """
default_scope = 'cld_mm'
model = dict(
    type='MoCo',
    data_preprocessor=dict(type='ViewsPreprocessor', to_rgb=True),
    backbone=dict(
        type='ResNet_CIFAR', depth=18, stem_channels=4, base_channels=4),
    neck=dict(type='NormMLP', in_channels=32, out_channels=8),
    head=dict(type='InfoNCEHead', temperature=0.2),
    queue_len=16, feat_dim=8)
train_dataloader = dict(
    batch_size=4, num_workers=0,
    sampler=dict(type='SeededSampler', shuffle=True),
    collate_fn=dict(type='collate_views'),
    dataset=dict(
        type='ImageFolder', data_root={root!r}, with_label=False,
        pipeline=[
            dict(type='LoadImage', on_error='skip', smallest_crop=(16, 0.2)),
            dict(type='SeededMultiView', num_views=[2],
                 transforms=[[dict(type='RandomView', size=16)]]),
            dict(type='PackViews')]))
test_dataloader = test_evaluator = test_cfg = None
optim_wrapper = dict(optimizer=dict(type='SGD', lr=0.1))
train_cfg = dict(type='ResumableEpochLoop', max_epochs=2)
default_hooks = dict(
    logger=dict(type='LoggerHook', interval=1),
    checkpoint=dict(type='DigestCheckpointHook', interval=1))
custom_hooks = []
randomness = dict(seed=0)
"""


def write_images(folder: Path, count: int) -> None:
    folder.mkdir(parents=True)
    rng = np.random.default_rng(len(str(folder)))
    for number in range(count):
        pixels = rng.integers(0, 255, (24, 20 + number, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f'photo{number}.png')
