"""BYOL + CLD on Fashion-MNIST, 10 epochs, for a CPU.

No row of the paper. λ 0.25, T_cld 0.2, K 32.
Run: ``python tools/train.py configs/byol_cld_r18_fashionmnist_10e.py``.
"""

_base_ = ['byol_r18_fashionmnist_10e.py', '_base_/cld/fashionmnist.py']

model = dict(cld=dict(_base_.cld, loss_weight=0.25))
