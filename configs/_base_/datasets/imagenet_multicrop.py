"""ImageNet with SwAV's crops: two of 224 pixels and six of 96; kNN on request."""

_base_ = 'imagenet_b224.py'


def _crop(size, scale):
    return [
        dict(
            type='RandomView',
            size=size,
            scale=scale,
            brightness=0.8,
            contrast=0.8,
            saturation=0.8,
            hue=0.2,
            jitter_prob=0.8,
            gray_prob=0.2,
            blur_prob=0.5,
            blur_sigma=(0.1, 2.0),
        )
    ]


train_pipeline = [
    dict(type='LoadImage'),
    dict(
        type='SeededMultiView',
        num_views=[2, 6],
        transforms=[_crop(224, (0.14, 1.0)), _crop(96, (0.05, 0.14))],
    ),
    dict(type='PackViews'),
]
train_dataloader = dict(batch_size=32, dataset=dict(pipeline=train_pipeline))
