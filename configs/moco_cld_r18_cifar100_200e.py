"""MoCo + CLD, ResNet-18, CIFAR-100, NormLinear head, 200 epochs.

Recipe: as moco_2q_r18_cifar100_200e.py (the matched baseline), with λ 0.25, T_cld 0.2,
K 100, 5 iterations.
Run: ``python tools/train.py configs/moco_cld_r18_cifar100_200e.py`` (one GPU).
Expected: 59.7 % kNN top-1, reproduced. Not measured by this project.
"""

_base_ = ['moco_2q_r18_cifar100_200e.py', '_base_/cld/cifar.py']

model = dict(
    cld=dict(
        _base_.cld, loss_weight=0.25, grouping=dict(_base_.cld.grouping, num_groups=100)
    )
)
