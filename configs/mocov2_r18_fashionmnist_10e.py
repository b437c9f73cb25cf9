"""MoCo v2, small ResNet-18, 10,000 images of Fashion-MNIST, 10 epochs, for a CPU.

No row of the paper.
Run: ``python tools/train.py configs/mocov2_r18_fashionmnist_10e.py``.
"""

_base_ = [
    '_base_/models/moco_r18_fashionmnist.py',
    '_base_/datasets/fashionmnist.py',
    '_base_/schedules/sgd_cosine_fashionmnist.py',
    '_base_/default_runtime.py',
]
