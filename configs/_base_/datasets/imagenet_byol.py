"""ImageNet with BYOL's augmentation, two views that differ in blur; kNN on request.

Layout: ``data/ImageNet/{train,val}/<class id>/*.JPEG``.
"""

_base_ = 'imagenet_b224.py'


def _view(blur, solarize):
    return [
        dict(
            type='RandomView',
            size=224,
            scale=(0.08, 1.0),
            interpolation='bicubic',
            brightness=0.4,
            contrast=0.4,
            saturation=0.2,
            hue=0.1,
            jitter_prob=0.8,
            gray_prob=0.2,
            blur_prob=blur,
            blur_sigma=(0.1, 2.0),
            solarize_prob=solarize,
        )
    ]


train_pipeline = [
    dict(type='LoadImage'),
    dict(
        type='SeededMultiView',
        num_views=[1, 1],
        transforms=[_view(blur=1.0, solarize=0.0), _view(blur=0.1, solarize=0.2)],
    ),
    dict(type='PackViews'),
]
train_dataloader = dict(batch_size=256, dataset=dict(pipeline=train_pipeline))
