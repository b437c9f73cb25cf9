"""NPID, narrow ResNet-18, CIFAR-10, 4,000 iterations of 128 images, for a CPU.

No row of the paper: the studies' protocol (docs/evidence.md). It sees CLD's views with
CLD's passes, so it is npid_cld_r18w16_cifar10_4k.py's matched baseline.
Run: ``python tools/train.py configs/cpu/npid_r18w16_cifar10_4k.py``.
"""

_base_ = [
    '../_base_/models/npid_r18w16_cifar.py',
    '../_base_/datasets/cifar10_arrays_in_memory.py',
    '../_base_/schedules/sgd_cosine_4k.py',
    '../_base_/default_runtime.py',
]
