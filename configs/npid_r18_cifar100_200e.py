"""NPID, ResNet-18, CIFAR-100, Linear head, 200 epochs.

Recipe: two views, 256 images, lr 0.06, weight decay 7e-4, T 0.1, softmax over all
images, fp16. It has CLD's views and passes, so it is CLD's matched baseline (λ 0).
Run: ``python tools/train.py configs/npid_r18_cifar100_200e.py`` (one GPU).
Expected: 51.6 % kNN top-1 (the release's table). Not measured by this project.
kNN is k 200, T 0.1, on the instance branch (``knn_instance/top1``).
"""

_base_ = [
    '_base_/models/npid_r18_cifar.py',
    '_base_/datasets/cifar100_a32.py',
    '_base_/schedules/sgd_cosine_cifar_200e.py',
    '_base_/default_runtime.py',
]

optim_wrapper = dict(type='PortableAmpOptimWrapper', dtype='float16')
