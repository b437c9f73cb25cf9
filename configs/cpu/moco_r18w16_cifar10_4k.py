"""MoCo, narrow ResNet-18, CIFAR-10, 4,000 iterations of 128 images, for a CPU.

No row of the paper: the studies' protocol (docs/evidence.md). One query and one key.
Run: ``python tools/train.py configs/cpu/moco_r18w16_cifar10_4k.py``.
"""

_base_ = [
    '../_base_/models/moco_r18_cifar.py',
    '../_base_/datasets/cifar10_arrays_in_memory.py',
    '../_base_/schedules/sgd_cosine_4k.py',
    '../_base_/default_runtime.py',
]

model = dict(
    feat_dim=64,
    momentum=0.01,  # short runs need a faster encoder
    backbone=dict(stem_channels=16, base_channels=16, strides=(2, 2, 2, 2)),
    neck=dict(in_channels=128, out_channels=64),
    head=dict(temperature=0.1),
)
