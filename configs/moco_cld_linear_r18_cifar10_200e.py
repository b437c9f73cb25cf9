"""MoCo + CLD with the Linear head, ResNet-18, CIFAR-10, 200 epochs.

Recipe: as moco_cld_r18_cifar10_200e.py, linear instead of cosine projections.
Run: ``python tools/train.py configs/moco_cld_linear_r18_cifar10_200e.py`` (one GPU).
Expected: 87.5 % kNN top-1; the recipe was rewritten after that figure. Not
measured by this project.
"""

_base_ = 'moco_cld_r18_cifar10_200e.py'

model = dict(neck=dict(type='LinearProjectionNeck'))
