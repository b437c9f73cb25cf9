"""Fine-tuning a ResNet-50 on 1 % of ImageNet's labels.

The whole network is trained: the head's learning rate is 1.0, the backbone's 0.01,
256 images over 8 ranks, 20 epochs, ×0.2 after 12 and 16, no weight decay. The release
gives no setting for this; this is the usual one (PIRL, SwAV). 1 % of each class is
drawn by seed; ``--cfg-options train_dataloader.dataset.list_file=1percent.txt
train_dataloader.dataset.fraction=None`` takes a published list.
Run: ``tools/dist_train.sh configs/benchmarks/semi/semi_1percent_r50_imagenet.py 8
--pretrained CHECKPOINT``. Not measured by this project.
"""

_base_ = '../linear/linear_r50_imagenet.py'

model = dict(backbone=dict(frozen_stages=-1, norm_eval=False))

whole = {{_base_.train_dataloader.dataset}}
train_dataloader = dict(
    dataset=dict(_delete_=True, type='LabeledFraction', dataset=whole, fraction=0.01)
)
optim_wrapper = dict(
    optimizer=dict(lr=1.0),
    paramwise_cfg=dict(custom_keys={'backbone': dict(lr_mult=0.01)}),
)
param_scheduler = dict(milestones=[12, 16], gamma=0.2)
train_cfg = dict(max_epochs=20, val_interval=5)
