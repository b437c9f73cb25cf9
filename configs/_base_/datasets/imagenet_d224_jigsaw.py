"""ImageNet with InfoMin's augmentation (recipes' D224 and jigsaw); kNN on request.

Two views, and a third with nine shuffled patches of 64 pixels.

Layout: ``data/ImageNet/{train,val}/<class id>/*.JPEG``.
"""

data_root = 'data/ImageNet'

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
test_pipeline = [
    dict(type='LoadImage'),
    dict(type='ResizeEdge', scale=256, edge='short', backend='pillow'),
    dict(type='CenterCrop', crop_size=224),
    dict(type='PackInputs'),
]

train_dataloader = dict(
    batch_size=32,
    num_workers=8,
    persistent_workers=True,
    drop_last=True,
    sampler=dict(type='SeededSampler', shuffle=True),
    collate_fn=dict(type='default_collate'),
    dataset=dict(
        type='ImageNet', data_root=data_root, split='train', pipeline=train_pipeline
    ),
)

_frozen_dataloader = dict(
    batch_size=128,
    num_workers=8,
    sampler=dict(type='DefaultSampler', shuffle=False),
    collate_fn=dict(type='default_collate'),
)
test_dataloader = dict(
    **_frozen_dataloader,
    dataset=dict(
        type='ImageNet', data_root=data_root, split='val', pipeline=test_pipeline
    ),
)
test_evaluator = dict(type='Accuracy', topk=(1, 5))
test_cfg = dict(
    type='KNNLoop',
    stage='test',
    k=200,
    temperature=0.15,
    train_dataloader=dict(
        **_frozen_dataloader,
        dataset=dict(
            type='ImageNet', data_root=data_root, split='train', pipeline=test_pipeline
        ),
    ),
)
