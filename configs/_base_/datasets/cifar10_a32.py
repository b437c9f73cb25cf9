"""CIFAR-10 with augmentation A32 (recipes), two views; kNN on the test images.

Layout: ``data/CIFAR-10/cifar-10-batches-py``; ``python
tools/dataset_converters/prepare.py cifar10`` fetches it.
"""

_base_ = ['../eval/knn.py', 'augmentation_a.py']

data_root = 'data/CIFAR-10'
view = [_base_.crop]
train_pipeline = [
    dict(type='SeededMultiView', num_views=[2], transforms=[view]),
    dict(type='PackViews'),
]
test_pipeline = [dict(type='PackInputs')]

_train = dict(type='CIFAR10', data_root=data_root, split='train', download=False)
_test = dict(_train, split='test', test_mode=True)
# The last partial batch is kept, as in the release: 196 steps per epoch.
train_dataloader = dict(
    drop_last=False, dataset=dict(**_train, pipeline=train_pipeline)
)
val_dataloader = dict(dataset=dict(**_test, pipeline=test_pipeline))
test_dataloader = val_dataloader
val_cfg = dict(train_dataloader=dict(dataset=dict(**_train, pipeline=test_pipeline)))
test_cfg = val_cfg
