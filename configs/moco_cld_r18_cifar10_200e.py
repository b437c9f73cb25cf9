"""MoCo + CLD, ResNet-18, CIFAR-10, NormLinear head, 200 epochs.

Recipe: as moco_2q_r18_cifar10_200e.py (the matched baseline), with λ 0.8, T_cld 0.2,
K 200, 5 rounds.
Run: ``python tools/train.py configs/moco_cld_r18_cifar10_200e.py`` (one GPU).
Expected: none published. Not measured by this project.
"""

_base_ = 'moco_2q_r18_cifar10_200e.py'

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
        loss_weight=0.8,
        grouping=dict(type='KMeansGrouping', num_groups=200, num_iters=5),
        loss=dict(type='CLDLoss', temperature=0.2),
    ),
)
