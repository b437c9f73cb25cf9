"""ImageNet with InfoMin's augmentation (recipes' D224 and jigsaw); kNN on request.

Two views, and a third with nine shuffled patches of 64 pixels.

Layout: ``data/ImageNet/{train,val}/<class id>/*.JPEG``.
"""

_base_ = ['imagenet_b224.py', 'infomin_randaugment.py']

jitter = dict(
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
)
view = [
    dict(type='NumpyToPIL', to_rgb=True),
    dict(type='torchvision/RandomResizedCrop', size=224, scale=(0.2, 1.0)),
    dict(type='torchvision/RandomHorizontalFlip'),
    jitter,
    dict(
        type='RandomApply',
        prob=0.5,
        transforms=[
            dict(type='torchvision/GaussianBlur', kernel_size=23, sigma=(0.1, 2.0))
        ],
    ),
    dict(type='PILToNumpy', to_bgr=True),
    _base_.randaugment,
    dict(type='NumpyToPIL', to_rgb=True),
    dict(type='torchvision/RandomGrayscale', p=0.2),
    dict(type='PILToNumpy', to_bgr=True),
]
# No jitter and no gray, as in the release.
jigsaw_view = [
    dict(type='NumpyToPIL', to_rgb=True),
    dict(type='torchvision/RandomResizedCrop', size=255, scale=(0.6, 1.0)),
    dict(type='torchvision/RandomHorizontalFlip'),
    dict(type='PILToNumpy', to_bgr=True),
    dict(type='JigsawPatches', grid=3, patch_size=64),
]
train_pipeline = [
    dict(type='LoadImage'),
    dict(type='SeededMultiView', num_views=[2, 1], transforms=[view, jigsaw_view]),
    dict(type='PackInputs'),
]
# The last partial batch is kept, as in the release.
train_dataloader = dict(drop_last=False, dataset=dict(pipeline=train_pipeline))
test_cfg = dict(temperature=0.15)
