"""MoCo, ResNet-18, CIFAR-10, Linear head, 200 epochs: the usual two views.

Recipe: 256 images, lr 0.06, weight decay 8e-4, T 0.07, 12288 keys, decay 0.999,
B32 and erasing, full precision.
Run: ``python tools/train.py configs/moco_r18_cifar10_200e.py`` (one GPU).
Expected: 82.1 % kNN top-1 (the release's table). Not measured by this project.
The baseline that matches CLD's views is moco_2q_r18_cifar10_200e.py.
"""

_base_ = [
    '_base_/models/moco_r18_cifar.py',
    '_base_/datasets/cifar10_b32_erase.py',
    '_base_/schedules/sgd_cosine_cifar_200e.py',
    '_base_/default_runtime.py',
]

model = dict(queue_len=12288)

optim_wrapper = dict(optimizer=dict(lr=0.06, weight_decay=8e-4))

val_cfg = dict(temperature=0.07)
test_cfg = dict(temperature=0.07)
