"""MoCo + CLD, narrow ResNet-18, CIFAR-10, 4,000 iterations of 128 images, for a CPU.

No row of the paper: the studies' protocol (docs/evidence.md). λ 0.25, T_cld 0.2, K 64.
Run: ``python tools/train.py configs/cpu/moco_cld_r18w16_cifar10_4k.py``.
"""

_base_ = 'moco_2q_r18w16_cifar10_4k.py'

model = dict(
    num_queries=None,
    neck=dict(
        _delete_=True,
        type='TwoBranchNeck',
        projection='LinearProjectionNeck',
        in_channels=128,
        out_channels=64,
    ),
    cld=dict(
        type='CLDHead',
        loss_weight=0.25,
        grouping=dict(type='KMeansGrouping', num_groups=64, num_iters=5),
        loss=dict(type='CLDLoss', temperature=0.2),
    ),
)
