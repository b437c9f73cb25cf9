"""ImageNet with MoCo v2's augmentation (recipes' B224), two views; kNN on request.

Layout: ``data/ImageNet/{train,val}/<class id>/*.JPEG``.
"""

data_root = 'data/ImageNet'

# on_device=True leaves colors, blur and flip to the model's ViewsPreprocessor.
view = [
    dict(
        type='RandomView',
        size=224,
        scale=(0.2, 1.0),
        brightness=0.4,
        contrast=0.4,
        saturation=0.4,
        hue=0.1,
        jitter_prob=0.8,
        gray_prob=0.2,
        blur_prob=0.5,
        blur_sigma=(0.1, 2.0),
        on_device=False,
    )
]
# smallest_crop=(224, 0.2) decodes large JPEGs at a fraction of their size.
load = dict(type='LoadImage', smallest_crop=None)
train_pipeline = [
    load,
    dict(type='SeededMultiView', num_views=[2], transforms=[view]),
    dict(type='PackViews'),
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
    collate_fn=dict(type='collate_views'),
    dataset=dict(
        type='CheckedImageNet',
        data_root=data_root,
        split='train',
        pipeline=train_pipeline,
    ),
)

_frozen_dataloader = dict(
    batch_size=128,
    num_workers=8,
    persistent_workers=True,
    sampler=dict(type='SeededSampler', shuffle=False),
    collate_fn=dict(type='default_collate'),
)
test_dataloader = dict(
    **_frozen_dataloader,
    dataset=dict(
        type='CheckedImageNet', data_root=data_root, split='val', pipeline=test_pipeline
    ),
)
test_evaluator = dict(type='Accuracy', topk=(1, 5))
test_cfg = dict(
    type='KNNLoop',
    stage='test',
    k=200,
    temperature=0.1,
    train_dataloader=dict(
        **_frozen_dataloader,
        dataset=dict(
            type='CheckedImageNet',
            data_root=data_root,
            split='train',
            pipeline=test_pipeline,
        ),
    ),
)
