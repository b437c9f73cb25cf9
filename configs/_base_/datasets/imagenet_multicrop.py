"""ImageNet with SwAV's crops: two of 224 pixels and six of 96; kNN on request."""

_base_ = 'imagenet_b224.py'


def _crop(size, scale):
    return [
        dict(type='NumpyToPIL', to_rgb=True),
        dict(type='torchvision/RandomResizedCrop', size=size, scale=scale),
        dict(
            type='RandomApply',
            prob=0.8,
            transforms=[
                dict(
                    type='torchvision/ColorJitter',
                    brightness=0.8,
                    contrast=0.8,
                    saturation=0.8,
                    hue=0.2,
                )
            ],
        ),
        dict(type='torchvision/RandomGrayscale', p=0.2),
        dict(type='torchvision/RandomHorizontalFlip'),
        dict(type='PILToNumpy', to_bgr=True),
        dict(
            type='GaussianBlur',
            magnitude_range=(0.1, 2.0),
            magnitude_std='inf',
            prob=0.5,
        ),
    ]


train_pipeline = [
    dict(type='LoadImage'),
    dict(
        type='SeededMultiView',
        num_views=[2, 6],
        transforms=[_crop(224, (0.14, 1.0)), _crop(96, (0.05, 0.14))],
    ),
    dict(type='PackInputs'),
]
train_dataloader = dict(batch_size=32, dataset=dict(pipeline=train_pipeline))
