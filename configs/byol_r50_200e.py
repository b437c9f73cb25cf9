"""BYOL, ResNet-50, ImageNet, 200 epochs.

Recipe: BYOL's own (arXiv 2006.07733): 4,096 images a step (256 a rank on 8 ranks, two
batches a step), LARS, lr 4.8 after 10 epochs of warm-up, cosine, weight decay 1.5e-6
without BatchNorm and biases. It has CLD's views and passes, so it is the matched
baseline (λ 0) of byol_cld_r50_200e.py.
Run: ``tools/dist_train.sh configs/byol_r50_200e.py 8``.
Expected: none in the release. Not measured by this project.
"""

_base_ = [
    '_base_/models/byol_r50.py',
    '_base_/datasets/imagenet_byol.py',
    '_base_/default_runtime.py',
]

optim_wrapper = dict(
    type='PortableAmpOptimWrapper',
    dtype='float16',
    accumulative_counts=2,
    optimizer=dict(type='LARS', lr=4.8, momentum=0.9, weight_decay=1.5e-6),
    paramwise_cfg=dict(
        custom_keys={
            'bn': dict(decay_mult=0, lars_exclude=True),
            'downsample.1': dict(decay_mult=0, lars_exclude=True),
            'bias': dict(decay_mult=0, lars_exclude=True),
        }
    ),
)
param_scheduler = [
    dict(
        type='LinearLR',
        start_factor=1e-4,
        by_epoch=True,
        begin=0,
        end=10,
        convert_to_iter_based=True,
    ),
    dict(
        type='CosineAnnealingLR',
        T_max=190,
        by_epoch=True,
        begin=10,
        end=200,
        convert_to_iter_based=True,
    ),
]
train_cfg = dict(type='ResumableEpochLoop', max_epochs=200)
auto_scale_lr = dict(enable=False, base_batch_size=4096)
