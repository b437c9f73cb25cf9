"""MoCo v2 + CLD, ResNet-50, BatchNorm over all ranks instead of shuffled BatchNorm.

BatchNorm of each rank's own images is ``shuffle_bn=False`` alone.
Run: ``tools/dist_train.sh configs/scaling/mocov2_cld_r50_syncbn_200e.py 8``.
Not measured by this project.
"""

_base_ = '../mocov2_cld_r50_200e.py'

model = dict(shuffle_bn=False, backbone=dict(norm_cfg=dict(type='SyncBN')))
