"""MoCo with two queries, ResNet-18, CIFAR-100, Linear head, 200 epochs.

The matched baseline of moco_cld_linear_r18_cifar100_200e.py: same views, passes and
head, λ 0.
Run: ``python tools/train.py configs/moco_2q_linear_r18_cifar100_200e.py`` (one GPU).
Expected: none published. Not measured by this project.
"""

_base_ = 'moco_2q_r18_cifar100_200e.py'

model = dict(neck=dict(type='LinearProjectionNeck'))
