"""MoCo v2 with two queries on Fashion-MNIST, NormMLP head, 10 epochs, for a CPU.

The matched baseline of mocov2_cld_r18_fashionmnist_10e.py: same views and passes.
"""

_base_ = 'mocov2_r18_fashionmnist_10e.py'

model = dict(num_queries=2, neck=dict(type='NormMLP'))

train_pipeline = [
    dict(type='SeededMultiView', num_views=[3], transforms=[_base_.view]),
    dict(type='PackInputs'),
]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
