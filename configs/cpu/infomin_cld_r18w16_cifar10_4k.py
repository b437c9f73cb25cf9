"""InfoMin + CLD, narrow ResNet-18, CIFAR-10, 4,000 iterations of 128 images, for a CPU.

No row of the paper: the studies' protocol (docs/evidence.md). InfoMin's augmentation at
32 pixels, nine patches of 9 pixels; λ 0.25, T_cld 0.2, K 64.
Run: ``python tools/train.py configs/cpu/infomin_cld_r18w16_cifar10_4k.py``.
"""

_base_ = ['moco_cld_r18w16_cifar10_4k.py', '../_base_/datasets/infomin_randaugment.py']

model = dict(
    type='InfoMin',
    head=dict(temperature=0.15),
    jigsaw=dict(
        type='JigsawNeck',
        projection='LinearProjectionNeck',
        in_channels=128,
        out_channels=64,
    ),
    jigsaw_weight=0.5,
)

view = [
    dict(
        type='RandomView',
        size=32,
        channel_order='rgb',
        scale=(0.2, 1.0),
        brightness=0.8,
        contrast=0.8,
        saturation=0.8,
        hue=0.2,
        jitter_prob=0.8,
        gray_prob=0.2,
        blur_prob=0.5,
    ),
    _base_.randaugment,
]
jigsaw_view = [
    dict(type='RandomView', size=32, channel_order='rgb', scale=(0.6, 1.0)),
    dict(type='JigsawPatches', grid=3, patch_size=9),
]
train_dataloader = dict(
    collate_fn=dict(_delete_=True, type='default_collate'),
    dataset=dict(
        _delete_=True,
        type='ImageArrays',
        data_root='data/cifar10-jpeg',
        split='train',
        pipeline=[
            dict(
                type='SeededMultiView',
                num_views=[3, 1],
                transforms=[view, jigsaw_view],
            ),
            dict(type='PackInputs'),
        ],
    ),
)
