"""SimCLR + CLD by CrossLevel on Fashion-MNIST, 10 epochs, for a CPU.

No row of the paper: how CLD is put beside an algorithm of mmpretrain. λ 0.5, T_cld
0.2, K 32.
Run: ``python tools/train.py configs/simclr_cld_r18_fashionmnist_10e.py``.
"""

_base_ = [
    '_base_/datasets/fashionmnist.py',
    '_base_/schedules/sgd_cosine_fashionmnist.py',
    '_base_/default_runtime.py',
]

model = dict(
    type='CrossLevel',
    algorithm=dict(
        type='SimCLR',
        data_preprocessor=dict(
            type='SelfSupDataPreprocessor', mean=(73.0,), std=(90.0,)
        ),
        backbone=dict(
            type='ResNet_CIFAR',
            depth=18,
            in_channels=1,
            stem_channels=16,
            base_channels=16,
            strides=(2, 2, 2, 2),
            zero_init_residual=False,
        ),
        neck=dict(
            type='NonLinearNeck',
            in_channels=128,
            hid_channels=128,
            out_channels=64,
            num_layers=2,
            with_avg_pool=True,
        ),
        head=dict(
            type='ContrastiveHead',
            loss=dict(type='CrossEntropyLoss'),
            temperature=0.2,
        ),
    ),
    neck=dict(type='NormMLP', out_channels=64),
    cld=dict(
        type='CLDHead',
        loss_weight=0.5,
        grouping=dict(type='KMeansGrouping', num_groups=32, num_iters=5),
        loss=dict(type='CLDLoss', temperature=0.2),
    ),
)
