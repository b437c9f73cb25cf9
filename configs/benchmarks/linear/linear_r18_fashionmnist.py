"""Linear probe of the small ResNet-18 on Fashion-MNIST, for a CPU.

Frozen backbone in eval mode, one linear layer on the pooled feature, 10,000
training and 5,000 test images, 10 epochs.
Run: ``python tools/train.py configs/benchmarks/linear/linear_r18_fashionmnist.py
--pretrained CHECKPOINT``.
"""

_base_ = ['../../_base_/datasets/fashionmnist.py', '../../_base_/default_runtime.py']

model = dict(
    type='ImageClassifier',
    data_preprocessor=dict(num_classes=10, mean=(73.0,), std=(90.0,)),
    backbone=dict(
        type='ResNet_CIFAR',
        depth=18,
        in_channels=1,
        stem_channels=16,
        base_channels=16,
        strides=(2, 2, 2, 2),
        frozen_stages=4,
        norm_eval=True,
        init_cfg=dict(type='StrictPretrained', checkpoint=''),
    ),
    neck=dict(type='GlobalAveragePooling'),
    head=dict(
        type='LinearClsHead',
        num_classes=10,
        in_channels=128,
        loss=dict(type='CrossEntropyLoss', loss_weight=1.0),
        topk=(1, 5),
    ),
)

train_dataloader = dict(batch_size=250, dataset=dict(pipeline={{_base_.test_pipeline}}))
val_cfg = dict(_delete_=True)
test_cfg = dict(_delete_=True)

optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='SGD', lr=1.0, momentum=0.9, weight_decay=0.0),
)
param_scheduler = dict(type='MultiStepLR', by_epoch=True, milestones=[6, 8], gamma=0.1)
train_cfg = dict(type='ResumableEpochLoop', max_epochs=10, val_interval=10)
