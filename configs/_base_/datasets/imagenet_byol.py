"""ImageNet with BYOL's augmentation, two views that differ in blur; kNN on request.

Layout: ``data/ImageNet/{train,val}/<class id>/*.JPEG``.
"""

_base_ = 'imagenet_b224.py'


def _view(blur, solarize):
    return [
        dict(type='NumpyToPIL', to_rgb=True),
        dict(
            type='torchvision/RandomResizedCrop',
            size=224,
            scale=(0.08, 1.0),
            interpolation='bicubic',
        ),
        dict(type='torchvision/RandomHorizontalFlip'),
        dict(
            type='RandomApply',
            prob=0.8,
            transforms=[
                dict(
                    type='torchvision/ColorJitter',
                    brightness=0.4,
                    contrast=0.4,
                    saturation=0.2,
                    hue=0.1,
                )
            ],
        ),
        dict(type='torchvision/RandomGrayscale', p=0.2),
        dict(type='PILToNumpy', to_bgr=True),
        dict(
            type='GaussianBlur',
            magnitude_range=(0.1, 2.0),
            magnitude_std='inf',
            prob=blur,
        ),
        dict(type='Solarize', thr=128, prob=solarize),
    ]


train_pipeline = [
    dict(type='LoadImage'),
    dict(
        type='SeededMultiView',
        num_views=[1, 1],
        transforms=[_view(blur=1.0, solarize=0.0), _view(blur=0.1, solarize=0.2)],
    ),
    dict(type='PackInputs'),
]
train_dataloader = dict(batch_size=256, dataset=dict(pipeline=train_pipeline))
