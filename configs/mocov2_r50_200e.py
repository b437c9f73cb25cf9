"""MoCo v2, ResNet-50, ImageNet, 200 epochs: the usual two views.

Recipe: 256 images over 8 ranks, lr 0.03, T 0.2, 65,536 keys, fp16.
Run: ``tools/dist_train.sh configs/mocov2_r50_200e.py 8``.
Expected: 67.5 % linear top-1 (the release's table). Not measured by this project.
The baseline that matches CLD's views is mocov2_2q_r50_200e.py.
"""

_base_ = [
    '_base_/models/moco_r50.py',
    '_base_/datasets/imagenet_b224.py',
    '_base_/schedules/sgd_cosine_200e.py',
    '_base_/default_runtime.py',
]

optim_wrapper = dict(type='PortableAmpOptimWrapper', dtype='float16')
