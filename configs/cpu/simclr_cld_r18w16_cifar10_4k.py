"""SimCLR + CLD by CrossLevel, narrow ResNet-18, CIFAR-10, 4,000 iterations, for a CPU.

No row of the paper: the studies' protocol (docs/evidence.md). λ 0.25, T_cld 0.2, K 64.
Run: ``python tools/train.py configs/cpu/simclr_cld_r18w16_cifar10_4k.py``.
"""

_base_ = [
    '../_base_/datasets/cifar10_arrays_in_memory.py',
    '../_base_/schedules/sgd_cosine_4k.py',
    '../_base_/default_runtime.py',
]

model = dict(
    type='CrossLevel',
    algorithm=dict(
        type='SimCLR',
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
    neck=dict(type='LinearProjectionNeck', out_channels=64),
    cld=dict(
        type='CLDHead',
        loss_weight=0.25,
        grouping=dict(type='KMeansGrouping', num_groups=64, num_iters=5),
        loss=dict(type='CLDLoss', temperature=0.2),
    ),
)
