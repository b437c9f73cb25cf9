"""MoCo + CLD, ResNet-18, CIFAR-100, NormLinear head, 200 epochs.

Recipe: as moco_2q_r18_cifar100_200e.py (the matched baseline), with λ 0.25, T_cld 0.2,
K 100, 5 rounds.
Run: ``python tools/train.py configs/moco_cld_r18_cifar100_200e.py`` (one GPU).
Expected: 59.7 % kNN top-1, reproduced. Not measured by this project.
"""

_base_ = 'moco_2q_r18_cifar100_200e.py'

model = dict(
    num_queries=None,
    neck=dict(
        _delete_=True,
        type='TwoBranchNeck',
        projection='NormLinearNeck',
        in_channels=512,
        out_channels=128,
    ),
    cld=dict(
        type='CLDHead',
        loss_weight=0.25,
        grouping=dict(type='KMeansGrouping', num_groups=100, num_iters=5),
        loss=dict(type='CLDLoss', temperature=0.2),
    ),
)
