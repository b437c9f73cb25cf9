"""MoCo with two queries, narrow ResNet-18, CIFAR-10, 4,000 iterations, for a CPU.

The matched baseline of moco_cld_r18w16_cifar10_4k.py: same views and passes.
Run: ``python tools/train.py configs/cpu/moco_2q_r18w16_cifar10_4k.py``.
"""

_base_ = 'moco_r18w16_cifar10_4k.py'

model = dict(num_queries=2)
train_dataloader = dict(dataset=dict(num_views=3))
