"""NPID with a narrow CIFAR ResNet-18 (width 16, four stages of stride 2), for a CPU."""

_base_ = 'npid_r18_cifar.py'

model = dict(
    feat_dim=64,
    backbone=dict(stem_channels=16, base_channels=16, strides=(2, 2, 2, 2)),
    neck=dict(out_channels=64),
)
