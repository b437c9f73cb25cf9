"""CIFAR-10 from arrays in memory, two A32 views made on the device; kNN on test images.

``python tools/dataset_converters/folder_to_arrays.py FOLDER data/cifar10-jpeg`` writes
the arrays from ``FOLDER/{train,test}/<class>/*.jpg``.
"""

_base_ = '../eval/knn.py'

data_root = 'data/cifar10-jpeg'

train_dataloader = dict(
    batch_size=128,
    num_workers=0,
    drop_last=True,
    sampler=dict(type='SeededSampler', shuffle=True),
    collate_fn=dict(type='whole_batch'),
    dataset=dict(
        type='InMemoryViews',
        num_views=2,
        size=32,
        scale=(0.2, 1.0),
        brightness=0.4,
        contrast=0.4,
        saturation=0.4,
        hue=0.4,
        gray_prob=0.2,
        dataset=dict(type='ImageArrays', data_root=data_root, split='train'),
    ),
)

_images = dict(type='ImageArrays', data_root=data_root)
_frozen = dict(batch_size=500, num_workers=0, persistent_workers=False)
_pack = [dict(type='PackInputs')]
val_dataloader = dict(
    **_frozen, dataset=dict(**_images, split='test', test_mode=True, pipeline=_pack)
)
test_dataloader = val_dataloader
val_cfg = dict(
    train_dataloader=dict(
        **_frozen, dataset=dict(**_images, split='train', pipeline=_pack)
    )
)
test_cfg = val_cfg
