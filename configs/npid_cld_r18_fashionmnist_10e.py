"""NPID + CLD on Fashion-MNIST, 10 epochs, for a CPU.

No row of the paper. λ 1, T_cld 0.2, K 32.
Run: ``python tools/train.py configs/npid_cld_r18_fashionmnist_10e.py``.
"""

_base_ = 'npid_r18_fashionmnist_10e.py'

model = dict(
    neck=dict(
        _delete_=True,
        type='TwoBranchNeck',
        projection='LinearProjectionNeck',
        in_channels=128,
        out_channels=64,
    ),
    cld=dict(
        type='CLDHead',
        loss_weight=1.0,
        grouping=dict(type='KMeansGrouping', num_groups=32, num_iters=5),
        loss=dict(type='CLDLoss', temperature=0.2),
    ),
)
