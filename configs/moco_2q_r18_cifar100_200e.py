"""MoCo with two queries, ResNet-18, CIFAR-100, NormLinear head, 200 epochs.

The matched baseline of moco_cld_r18_cifar100_200e.py: same views, passes and head, λ 0.
Run: ``python tools/train.py configs/moco_2q_r18_cifar100_200e.py`` (one GPU).
Expected: none published. Not measured by
this project.
"""

_base_ = 'moco_r18_cifar100_200e.py'

model = dict(num_queries=2, neck=dict(type='NormLinearNeck'))

train_pipeline = [
    dict(type='SeededMultiView', num_views=[3], transforms=[_base_.view]),
    dict(type='PackViews'),
]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
