"""MoCo + CLD with the Linear head, ResNet-18, CIFAR-100, 200 epochs.

Recipe: as moco_cld_r18_cifar100_200e.py, linear instead of cosine projections.
Run: ``python tools/train.py configs/moco_cld_linear_r18_cifar100_200e.py`` (one GPU).
Expected: 58.1 % kNN top-1, 59.1 reproduced (the release). Not
measured by this project.
"""

_base_ = 'moco_cld_r18_cifar100_200e.py'

model = dict(neck=dict(type='LinearProjectionNeck'))
