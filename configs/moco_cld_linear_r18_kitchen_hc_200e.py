"""MoCo + CLD, ResNet-18, Kitchen-HC, Linear head, 200 epochs.

Recipe: CIFAR-100's (λ 0.25, T_cld 0.2) with K 10, near the number of classes, which the
authors found best there. The release does not run on Kitchen-HC.
Run: ``python tools/train.py configs/moco_cld_linear_r18_kitchen_hc_200e.py`` (one GPU).
Expected: none published here. Not measured by this project.
"""

_base_ = [
    '_base_/cld/cifar.py',
    '_base_/models/moco_r18_cifar.py',
    '_base_/datasets/kitchen_hc_a32.py',
    '_base_/schedules/sgd_cosine_cifar_200e.py',
    '_base_/default_runtime.py',
]

model = dict(
    data_preprocessor=dict(to_rgb=True),
    cld=dict(
        _base_.cld, loss_weight=0.25, grouping=dict(_base_.cld.grouping, num_groups=10)
    ),
)

train_pipeline = [
    *_base_.load,
    dict(type='SeededMultiView', num_views=[3], transforms=[_base_.view]),
    dict(type='PackViews'),
]
train_dataloader = dict(batch_size=128, dataset=dict(pipeline=train_pipeline))
optim_wrapper = dict(optimizer=dict(lr=0.03))
auto_scale_lr = dict(base_batch_size=128)
val_cfg = dict(temperature=0.07)
test_cfg = dict(temperature=0.07)
