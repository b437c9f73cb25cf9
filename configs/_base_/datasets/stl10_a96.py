"""STL-10 with augmentation A (recipes) at 96 pixels; kNN on the labeled part.

Layout: ``data/STL-10/stl10_binary``; ``python
tools/dataset_converters/prepare.py stl10`` fetches it. Mean and deviation are 0.5.
``train_dataloader.dataset.split`` is 'train' or 'train+unlabeled'.
"""

_base_ = ['../eval/knn.py', 'augmentation_a.py']

data_root = 'data/STL-10'
view = [dict(_base_.crop, size=96)]
train_pipeline = [
    dict(type='SeededMultiView', num_views=[2], transforms=[view]),
    dict(type='PackViews'),
]
test_pipeline = [dict(type='PackInputs')]

_train = dict(type='STL10', data_root=data_root, split='train')
_test = dict(_train, split='test', test_mode=True)
train_dataloader = dict(dataset=dict(**_train, pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(**_test, pipeline=test_pipeline))
test_dataloader = val_dataloader
val_cfg = dict(train_dataloader=dict(dataset=dict(**_train, pipeline=test_pipeline)))
test_cfg = val_cfg
