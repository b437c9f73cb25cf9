"""NPID + CLD, ResNet-18, CIFAR-10, Linear head, 200 epochs.

Recipe: as npid_r18_cifar10_200e.py (the matched baseline), with λ 1, T_cld 0.2, K 128,
5 rounds.
Run: ``python tools/train.py configs/npid_cld_r18_cifar10_200e.py`` (one GPU).
Expected: 86.7 % kNN top-1, 86.8 reproduced (the release's table; mean of 3 runs, best
epoch on the test images). Not measured by this project.
"""

_base_ = 'npid_r18_cifar10_200e.py'

model = dict(
    neck=dict(
        _delete_=True,
        type='TwoBranchNeck',
        projection='LinearProjectionNeck',
        in_channels=512,
        out_channels=128,
    ),
    cld=dict(
        type='CLDHead',
        loss_weight=1.0,
        grouping=dict(type='KMeansGrouping', num_groups=128, num_iters=5),
        loss=dict(type='CLDLoss', temperature=0.2),
    ),
)
