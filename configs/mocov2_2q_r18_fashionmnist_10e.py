"""MoCo v2 with two queries on Fashion-MNIST, NormMLP head, 10 epochs, for a CPU.

The matched baseline of mocov2_cld_r18_fashionmnist_10e.py: same views and passes.
"""

_base_ = 'mocov2_r18_fashionmnist_10e.py'

model = dict(num_queries=2, neck=dict(type='NormMLP'))

train_pipeline = _base_.train_pipeline
train_pipeline[0]['num_views'] = [3]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
