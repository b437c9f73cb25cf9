"""SwAV + CLD by CrossLevel, ResNet-50, ImageNet, 2×224 + 6×96 crops, 200 epochs.

No row of the paper: CLD over all ordered pairs of the eight crops, averaged. SwAV's own
settings (arXiv 2006.09882) for 256 images over 8 ranks; λ 0.25, T_cld 0.4, K 120.
Run: ``tools/dist_train.sh configs/swav_cld_r50_200e.py 8``.
Expected: none published. Not measured by this project.
"""

_base_ = [
    '_base_/datasets/imagenet_multicrop.py',
    '_base_/default_runtime.py',
]

model = dict(
    type='CrossLevel',
    algorithm=dict(
        type='SwAV',
        data_preprocessor=dict(
            type='ViewsPreprocessor',
            mean=(123.675, 116.28, 103.53),
            std=(58.395, 57.12, 57.375),
            to_rgb=True,
        ),
        backbone=dict(
            type='ResNet',
            depth=50,
            norm_cfg=dict(type='SyncBN'),
            zero_init_residual=False,
        ),
        neck=dict(
            type='SwAVNeck',
            in_channels=2048,
            hid_channels=2048,
            out_channels=128,
            with_avg_pool=True,
        ),
        head=dict(
            type='SwAVHead',
            loss=dict(
                type='SwAVLoss',
                feat_dim=128,
                epsilon=0.05,
                temperature=0.1,
                num_crops=[2, 6],
            ),
        ),
    ),
    neck=dict(type='NormMLP', out_channels=128),
    cld=dict(
        type='CLDHead',
        loss_weight=0.25,
        grouping=dict(type='KMeansGrouping', num_groups=120, num_iters=5),
        loss=dict(type='CLDLoss', temperature=0.4),
    ),
)

optim_wrapper = dict(
    type='PortableAmpOptimWrapper',
    dtype='float16',
    optimizer=dict(type='LARS', lr=0.6, momentum=0.9, weight_decay=1e-6),
)
param_scheduler = dict(
    type='CosineAnnealingLR',
    T_max=200,
    eta_min=6e-4,
    by_epoch=True,
    begin=0,
    end=200,
    convert_to_iter_based=True,
)
train_cfg = dict(type='ResumableEpochLoop', max_epochs=200)
auto_scale_lr = dict(enable=False, base_batch_size=256)
custom_hooks = _base_.custom_hooks + [
    dict(
        type='ResumableSwAVHook',
        priority='VERY_HIGH',
        batch_size=32,
        epoch_queue_starts=15,
        crops_for_assign=[0, 1],
        feat_dim=128,
        queue_length=3840,
        frozen_layers_cfg=dict(prototypes=5005),
    ),
]
