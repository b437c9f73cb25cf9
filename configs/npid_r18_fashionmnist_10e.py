"""NPID on Fashion-MNIST, 10 epochs, for a CPU.

No row of the paper. The matched baseline of npid_cld_r18_fashionmnist_10e.py.
Run: ``python tools/train.py configs/npid_r18_fashionmnist_10e.py``.
"""

_base_ = [
    '_base_/models/npid_r18_fashionmnist.py',
    '_base_/datasets/fashionmnist.py',
    '_base_/schedules/sgd_cosine_fashionmnist.py',
    '_base_/default_runtime.py',
]
