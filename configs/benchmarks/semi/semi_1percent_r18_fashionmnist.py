"""Fine-tuning the small ResNet-18 on 1 % of Fashion-MNIST's labels, for a CPU.

100 of the 10,000 training images; the learning rate is 0.03, a tenth in the backbone.
Run: ``python tools/train.py configs/benchmarks/semi/semi_1percent_r18_fashionmnist.py
--pretrained CHECKPOINT``.
"""

_base_ = '../linear/linear_r18_fashionmnist.py'

model = dict(backbone=dict(frozen_stages=-1, norm_eval=True))

whole = {{_base_.train_dataloader.dataset}}
train_dataloader = dict(
    batch_size=50,
    drop_last=False,  # of 100 images a batch is half
    dataset=dict(_delete_=True, type='LabeledFraction', dataset=whole, fraction=0.01),
)
optim_wrapper = dict(
    optimizer=dict(lr=0.03),
    paramwise_cfg=dict(custom_keys={'backbone': dict(lr_mult=0.1)}),
)
param_scheduler = dict(milestones=[30, 40])
train_cfg = dict(max_epochs=50, val_interval=50)
