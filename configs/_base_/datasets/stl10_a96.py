"""STL-10 with augmentation A (recipes) at 96 pixels; kNN on the labelled part.

Layout: ``data/STL-10/stl10_binary``; ``python
tools/dataset_converters/prepare.py stl10`` fetches it. Mean and deviation are 0.5.
``train_dataloader.dataset.split`` is 'train' or 'train+unlabeled'.
"""

data_root = 'data/STL-10'

# on_device=True leaves colours and flip to the model's ViewsPreprocessor.
view = [
    dict(
        type='RandomView',
        size=96,
        channel_order='rgb',
        scale=(0.2, 1.0),
        brightness=0.4,
        contrast=0.4,
        saturation=0.4,
        hue=0.4,
        gray_prob=0.2,
        on_device=False,
    )
]
train_pipeline = [
    dict(type='SeededMultiView', num_views=[2], transforms=[view]),
    dict(type='PackViews'),
]
test_pipeline = [dict(type='PackInputs')]

train_dataloader = dict(
    batch_size=256,
    num_workers=8,
    persistent_workers=True,
    drop_last=True,
    sampler=dict(type='SeededSampler', shuffle=True),
    collate_fn=dict(type='collate_views'),
    dataset=dict(
        type='STL10',
        data_root=data_root,
        split='train',
        pipeline=train_pipeline,
    ),
)

_frozen_dataloader = dict(
    batch_size=512,
    num_workers=2,
    persistent_workers=True,
    sampler=dict(type='SeededSampler', shuffle=False),
    collate_fn=dict(type='default_collate'),
)
knn_train_dataloader = dict(
    **_frozen_dataloader,
    dataset=dict(
        type='STL10',
        data_root=data_root,
        split='train',
        pipeline=test_pipeline,
    ),
)
val_dataloader = dict(
    **_frozen_dataloader,
    dataset=dict(
        type='STL10',
        data_root=data_root,
        split='test',
        test_mode=True,
        pipeline=test_pipeline,
    ),
)
test_dataloader = val_dataloader

val_cfg = dict(
    type='KNNLoop', train_dataloader=knn_train_dataloader, k=200, temperature=0.1
)
test_cfg = dict(**val_cfg, stage='test')
val_evaluator = dict(type='Accuracy', topk=(1, 5))
test_evaluator = val_evaluator
