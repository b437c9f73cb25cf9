"""Fine-tuning a ResNet-50 on 10 % of ImageNet's labels.

As with 1 %, but the backbone's learning rate is 0.1.
Run: ``tools/dist_train.sh configs/benchmarks/semi/semi_10percent_r50_imagenet.py 8
--pretrained CHECKPOINT``. Not measured by this project.
"""

_base_ = './semi_1percent_r50_imagenet.py'

train_dataloader = dict(dataset=dict(fraction=0.1))
optim_wrapper = dict(
    paramwise_cfg=dict(custom_keys={'backbone': dict(lr_mult=0.1)}),
)
