"""Linear probe of a ResNet-50 on ImageNet, MoCo's protocol.

Frozen backbone in eval mode, one linear layer on the pooled feature: SGD lr 30,
256 images over 8 ranks, 100 epochs, ×0.1 after 60 and 80, no weight decay.
Run: ``tools/dist_train.sh configs/benchmarks/linear/linear_r50_imagenet.py 8
--pretrained CHECKPOINT``. Not measured by this project.
"""

_base_ = ['../../_base_/datasets/imagenet_linear.py', '../../_base_/default_runtime.py']

model = dict(
    type='ImageClassifier',
    data_preprocessor=dict(
        num_classes=1000,
        mean=(123.675, 116.28, 103.53),
        std=(58.395, 57.12, 57.375),
        to_rgb=True,
    ),
    backbone=dict(
        type='ResNet',
        depth=50,
        frozen_stages=4,
        norm_eval=True,
        init_cfg=dict(type='StrictPretrained', checkpoint=''),
    ),
    neck=dict(type='GlobalAveragePooling'),
    head=dict(
        type='LinearClsHead',
        num_classes=1000,
        in_channels=2048,
        loss=dict(type='CrossEntropyLoss', loss_weight=1.0),
        topk=(1, 5),
    ),
)

optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='SGD', lr=30.0, momentum=0.9, weight_decay=0.0),
)
param_scheduler = dict(
    type='MultiStepLR', by_epoch=True, milestones=[60, 80], gamma=0.1
)
train_cfg = dict(type='ResumableEpochLoop', max_epochs=100, val_interval=10)
auto_scale_lr = dict(enable=False, base_batch_size=256)
