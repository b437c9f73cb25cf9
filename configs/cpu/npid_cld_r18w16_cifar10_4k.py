"""NPID + CLD, narrow ResNet-18, CIFAR-10, 4,000 iterations of 128 images, for a CPU.

No row of the paper: the studies' protocol (docs/evidence.md). λ 1, T_cld 0.2, K 64.
Run: ``python tools/train.py configs/cpu/npid_cld_r18w16_cifar10_4k.py``.
"""

_base_ = ['npid_r18w16_cifar10_4k.py', '../_base_/cld/fashionmnist.py']

model = dict(
    cld=dict(
        _base_.cld, loss_weight=1.0, grouping=dict(_base_.cld.grouping, num_groups=64)
    )
)
