"""Fine-tuning the small ResNet-18 on 10 % of Fashion-MNIST's labels, for a CPU.

Run: ``python tools/train.py configs/benchmarks/semi/semi_10percent_r18_fashionmnist.py
--pretrained CHECKPOINT``.
"""

_base_ = './semi_1percent_r18_fashionmnist.py'

train_dataloader = dict(batch_size=100, dataset=dict(fraction=0.1))
param_scheduler = dict(milestones=[18, 24])
train_cfg = dict(max_epochs=30, val_interval=30)
