"""NPID + CLD, ResNet-18, CIFAR-100, Linear head, 200 epochs.

Recipe: as npid_r18_cifar100_200e.py (the matched baseline), with λ 1, T_cld 0.2, K 200,
5 iterations.
Run: ``python tools/train.py configs/npid_cld_r18_cifar100_200e.py`` (one GPU).
Expected: 57.5 % kNN top-1, 58.8 reproduced (the release's table; mean of 3 runs, best
epoch on the test images). Not measured by this project.
"""

_base_ = ['npid_r18_cifar100_200e.py', '_base_/cld/cifar.py']

model = dict(cld=dict(_base_.cld, grouping=dict(_base_.cld.grouping, num_groups=200)))
