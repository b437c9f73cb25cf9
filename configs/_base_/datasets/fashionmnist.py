"""Fashion-MNIST, 10,000 training and 5,000 test images, two views for training.

``python tools/dataset_converters/prepare.py fashion-mnist`` fetches it.
"""

_base_ = '../eval/knn.py'

data_root = 'data/fashion-mnist'
num_train, num_test = 10000, 5000

view = [
    dict(type='NumpyToPIL'),
    dict(type='torchvision/RandomResizedCrop', size=28, scale=(0.4, 1.0)),
    dict(type='torchvision/ColorJitter', brightness=0.4, contrast=0.4),
    dict(type='torchvision/RandomHorizontalFlip'),
    dict(type='PILToNumpy'),
]
train_pipeline = [
    dict(type='SeededMultiView', num_views=[2], transforms=[view]),
    dict(type='PackInputs'),
]
test_pipeline = [dict(type='PackInputs')]

_train = dict(
    type='CheckedFashionMNIST',
    data_root=data_root,
    split='train',
    indices=num_train,
    download=False,
)
_test = dict(_train, split='test', test_mode=True, indices=num_test)
_frozen = dict(batch_size=500, num_workers=0, persistent_workers=False)
train_dataloader = dict(
    batch_size=64,
    num_workers=0,
    drop_last=True,
    sampler=dict(type='SeededSampler', shuffle=True),
    collate_fn=dict(type='default_collate'),
    dataset=dict(**_train, pipeline=train_pipeline),
)
val_dataloader = dict(**_frozen, dataset=dict(**_test, pipeline=test_pipeline))
test_dataloader = val_dataloader
val_cfg = dict(
    train_dataloader=dict(**_frozen, dataset=dict(**_train, pipeline=test_pipeline))
)
test_cfg = val_cfg
