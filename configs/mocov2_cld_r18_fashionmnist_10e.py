"""MoCo v2 + CLD on Fashion-MNIST, NormMLP head, 10 epochs, for a CPU: quickstart's.

No row of the paper. λ 0.5, T_cld 0.2, K 32, half of the 64 images of a batch.
Run: ``python tools/train.py configs/mocov2_cld_r18_fashionmnist_10e.py``.
"""

_base_ = 'mocov2_2q_r18_fashionmnist_10e.py'

model = dict(
    num_queries=None,
    neck=dict(
        _delete_=True,
        type='TwoBranchNeck',
        projection='NormMLP',
        in_channels=128,
        out_channels=64,
    ),
    cld=dict(
        type='CLDHead',
        loss_weight=0.5,
        grouping=dict(type='KMeansGrouping', num_groups=32, num_iters=5),
        loss=dict(type='CLDLoss', temperature=0.2),
    ),
)
