"""MoCo v2 + CLD on Fashion-MNIST, NormMLP head, 10 epochs, for a CPU: quickstart's.

No row of the paper. λ 0.5, T_cld 0.2, K 32, half of the 64 images of a batch.
Run: ``python tools/train.py configs/mocov2_cld_r18_fashionmnist_10e.py``.
"""

_base_ = ['mocov2_2q_r18_fashionmnist_10e.py', '_base_/cld/fashionmnist.py']

model = dict(cld=_base_.cld)
