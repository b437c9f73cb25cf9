"""BYOL + CLD, narrow ResNet-18, CIFAR-10, 4,000 iterations of 128 images, for a CPU.

No row of the paper: the studies' protocol (docs/evidence.md). λ 0.25, T_cld 0.2, K 64.
Run: ``python tools/train.py configs/cpu/byol_cld_r18w16_cifar10_4k.py``.
"""

_base_ = [
    '../_base_/datasets/cifar10_arrays_in_memory.py',
    '../_base_/schedules/sgd_cosine_4k.py',
    '../_base_/default_runtime.py',
]

model = dict(
    type='BYOL',
    momentum=0.01,  # short runs need a faster target
    end_momentum=0.0,
    data_preprocessor=dict(
        type='ViewsPreprocessor',
        mean=(125.307, 122.961, 113.8575),
        std=(51.5865, 50.847, 51.255),
    ),
    backbone=dict(
        type='ResNet_CIFAR',
        depth=18,
        stem_channels=16,
        base_channels=16,
        strides=(2, 2, 2, 2),
        zero_init_residual=False,
    ),
    neck=dict(
        type='TwoBranchNonLinearNeck',
        projection='LinearProjectionNeck',
        in_channels=128,
        hid_channels=256,
        out_channels=64,
        group_channels=64,
    ),
    head=dict(
        type='LatentPredictHead',
        loss=dict(type='CosineSimilarityLoss', shift_factor=2.0, scale_factor=2.0),
        predictor=dict(
            type='NonLinearNeck',
            in_channels=64,
            hid_channels=256,
            out_channels=64,
            num_layers=2,
            with_last_bn=False,
            with_avg_pool=False,
        ),
    ),
    cld=dict(
        type='CLDHead',
        loss_weight=0.25,
        grouping=dict(type='KMeansGrouping', num_groups=64, num_iters=5),
        loss=dict(type='CLDLoss', temperature=0.2),
    ),
)
