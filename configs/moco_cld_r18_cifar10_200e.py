"""MoCo + CLD, ResNet-18, CIFAR-10, NormLinear head, 200 epochs.

Recipe: as moco_2q_r18_cifar10_200e.py (the matched baseline), with λ 0.8, T_cld 0.2,
K 200, 5 iterations.
Run: ``python tools/train.py configs/moco_cld_r18_cifar10_200e.py`` (one GPU).
Expected: none published. Not measured by this project.
"""

_base_ = ['moco_2q_r18_cifar10_200e.py', '_base_/cld/cifar.py']

model = dict(
    cld=dict(
        _base_.cld, loss_weight=0.8, grouping=dict(_base_.cld.grouping, num_groups=200)
    )
)
