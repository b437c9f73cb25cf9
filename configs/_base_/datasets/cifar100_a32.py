"""CIFAR-100 with augmentation A32 (recipes), two views; kNN on the test images.

Layout: ``data/CIFAR-100/cifar-100-python``; ``python
tools/dataset_converters/prepare.py cifar100`` fetches it.
"""

_base_ = 'cifar10_a32.py'

data_root = 'data/CIFAR-100'

_source = dict(type='CIFAR100', data_root=data_root)
train_dataloader = dict(dataset=_source)
val_dataloader = dict(dataset=_source)
test_dataloader = dict(dataset=_source)
val_cfg = dict(train_dataloader=dict(dataset=_source))
test_cfg = dict(train_dataloader=dict(dataset=_source))
