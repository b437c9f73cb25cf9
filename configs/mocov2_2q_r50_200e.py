"""MoCo v2 with two queries, NormMLP head, ResNet-50, ImageNet, 200 epochs.

The matched baseline of mocov2_cld_r50_200e.py: the same three views, passes, batch,
learning rate and head, without the group branch (λ 0). The published baseline of
67.5 % trains one query at 256 images, about four sevenths of the work.
Run: ``tools/dist_train.sh configs/mocov2_2q_r50_200e.py 8``.
Expected: none published with this head; symmetric MoCo v2 reaches 69.9 % linear
top-1 at 200 epochs (SimSiam, arXiv 2011.10566, table 4). Not measured by this project.
"""

_base_ = 'mocov2_r50_200e.py'

model = dict(num_queries=2, neck=dict(type='NormMLP'))

train_pipeline = [
    _base_.load,
    dict(type='SeededMultiView', num_views=[3], transforms=[_base_.view]),
    dict(type='PackViews'),
]
train_dataloader = dict(batch_size=64, dataset=dict(pipeline=train_pipeline))

optim_wrapper = dict(optimizer=dict(lr=0.2))
auto_scale_lr = dict(base_batch_size=512)
