"""MoCo, ResNet-18, CIFAR-100, Linear head, 200 epochs: the usual two views.

Recipe: 128 images, lr 0.03, weight decay 7e-4, T 0.07, 4096 keys, decay 0.999,
A32, full precision.
Run: ``python tools/train.py configs/moco_r18_cifar100_200e.py`` (one GPU).
Expected: 53.1 % kNN top-1 (the release's table). Not measured by this project.
The baseline that matches CLD's views is moco_2q_r18_cifar100_200e.py.
"""

_base_ = [
    '_base_/models/moco_r18_cifar.py',
    '_base_/datasets/cifar100_a32.py',
    '_base_/schedules/sgd_cosine_cifar_200e.py',
    '_base_/default_runtime.py',
]

train_dataloader = dict(batch_size=128)
optim_wrapper = dict(optimizer=dict(lr=0.03, weight_decay=7e-4))
auto_scale_lr = dict(base_batch_size=128)
val_cfg = dict(temperature=0.07)
test_cfg = dict(temperature=0.07)
