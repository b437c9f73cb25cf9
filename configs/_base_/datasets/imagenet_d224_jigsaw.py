"""ImageNet with InfoMin's augmentation (recipes' D224 and jigsaw); kNN on request.

Two views, and a third with nine shuffled patches of 64 pixels.

Layout: ``data/ImageNet/{train,val}/<class id>/*.JPEG``.
"""

_base_ = 'imagenet_b224.py'

mean_colour = (104, 116, 124)  # ImageNet's, blue first as the images are here
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
    dict(
        type='RandAugment',
        policies='timm_increasing',
        num_policies=2,
        magnitude_level=10,
        magnitude_std=0.5,
        total_level=10,
        hparams=dict(pad_val=mean_colour),
    ),
    dict(type='NumpyToPIL', to_rgb=True),
    dict(type='torchvision/RandomGrayscale', p=0.2),
    dict(type='PILToNumpy', to_bgr=True),
]
# The colours of the patches are disturbed as a view's; the recipe leaves it open.
jigsaw_view = [
    dict(type='NumpyToPIL', to_rgb=True),
    dict(type='torchvision/RandomResizedCrop', size=255, scale=(0.6, 1.0)),
    dict(type='torchvision/RandomHorizontalFlip'),
    jitter,
    dict(type='torchvision/RandomGrayscale', p=0.2),
    dict(type='PILToNumpy', to_bgr=True),
    dict(type='JigsawPatches', grid=3, patch_size=64),
]
train_pipeline = [
    dict(type='LoadImage'),
    dict(type='SeededMultiView', num_views=[2, 1], transforms=[view, jigsaw_view]),
    dict(type='PackInputs'),
]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
test_cfg = dict(temperature=0.15)
