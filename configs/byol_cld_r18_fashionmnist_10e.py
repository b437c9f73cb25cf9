"""BYOL + CLD on Fashion-MNIST, 10 epochs, for a CPU.

No row of the paper. λ 0.25, T_cld 0.2, K 32.
Run: ``python tools/train.py configs/byol_cld_r18_fashionmnist_10e.py``.
"""

_base_ = 'byol_r18_fashionmnist_10e.py'

model = dict(
    neck=dict(
        _delete_=True,
        type='TwoBranchNonLinearNeck',
        projection='NormLinearNeck',
        in_channels=128,
        hid_channels=256,
        out_channels=64,
        group_channels=64,
    ),
    cld=dict(
        type='CLDHead',
        loss_weight=0.25,
        grouping=dict(type='KMeansGrouping', num_groups=32, num_iters=5),
        loss=dict(type='CLDLoss', temperature=0.2),
    ),
)
