"""Kitchen-HC with augmentation A32 (recipes), two views; kNN on the test images.

Layout: ``data/Kitchen-HC/{train,test}/<class>``, resized to 32×32; the colors are blue
first here, so the model's preprocessor sets ``to_rgb``.
"""

_base_ = ['../eval/knn.py', 'augmentation_a.py']

data_root = 'data/Kitchen-HC'
view = [dict(_base_.crop, channel_order='bgr')]
load = [dict(type='LoadImage'), dict(type='Resize', scale=(32, 32))]
train_pipeline = [
    *load,
    dict(type='SeededMultiView', num_views=[2], transforms=[view]),
    dict(type='PackViews'),
]
test_pipeline = [*load, dict(type='PackInputs')]

_train = dict(type='ImageFolder', data_root=data_root, data_prefix='train')
_test = dict(_train, data_prefix='test', test_mode=True)
train_dataloader = dict(dataset=dict(**_train, pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(**_test, pipeline=test_pipeline))
test_dataloader = val_dataloader
val_cfg = dict(train_dataloader=dict(dataset=dict(**_train, pipeline=test_pipeline)))
test_cfg = val_cfg
