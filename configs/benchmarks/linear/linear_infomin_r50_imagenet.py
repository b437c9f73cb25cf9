"""Linear probe of a ResNet-50 on ImageNet, InfoMin's protocol.

As linear_r50_imagenet.py, but 60 epochs, ×0.2 after 30, 40 and 50, crops from 0.2 of
the image, and RandAugment(2, 10) on the training images.
Run: ``tools/dist_train.sh configs/benchmarks/linear/linear_infomin_r50_imagenet.py 8
--pretrained CHECKPOINT``. Not measured by this project.
"""

_base_ = [
    'linear_r50_imagenet.py',
    '../../_base_/datasets/infomin_randaugment.py',
]

train_pipeline = [
    dict(type='LoadImage'),
    dict(
        type='RandomResizedCrop',
        scale=224,
        crop_ratio_range=(0.2, 1.0),
        backend='pillow',
    ),
    dict(type='RandomFlip', prob=0.5, direction='horizontal'),
    _base_.randaugment,
    dict(type='PackInputs'),
]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
param_scheduler = dict(milestones=[30, 40, 50], gamma=0.2)
train_cfg = dict(max_epochs=60)
