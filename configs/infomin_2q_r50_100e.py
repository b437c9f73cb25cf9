"""InfoMin with two queries, ResNet-50, ImageNet, NormMLP head, 100 epochs.

The matched baseline of infomin_cld_r50_100e.py: same views, passes, batch and head,
λ 0: 512 images over 8 ranks, lr 0.2 after 5 epochs of warm-up from 0.01, cosine to a
thousandth.
Run: ``tools/dist_train.sh configs/infomin_2q_r50_100e.py 8``.
Expected: none published. Not measured by this project.
"""

_base_ = 'infomin_r50_100e.py'

model = dict(
    num_queries=2, neck=dict(type='NormMLP'), jigsaw=dict(projection='NormMLP')
)

train_pipeline = [
    dict(type='LoadImage'),
    dict(
        type='SeededMultiView',
        num_views=[3, 1],
        transforms=[_base_.view, _base_.jigsaw_view],
    ),
    dict(type='PackInputs'),
]
train_dataloader = dict(batch_size=64, dataset=dict(pipeline=train_pipeline))

optim_wrapper = dict(optimizer=dict(lr=0.2))
param_scheduler = dict(warmup_epochs=5, start_factor=0.05)
auto_scale_lr = dict(base_batch_size=512)
