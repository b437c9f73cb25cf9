"""MoCo v2 + CLD, ResNet-50: the main recipe's 512 images a step on two ranks.

Four batches of 64 images on each of two ranks make one step. BatchNorm, grouping and
queue still see each batch of 64 by itself, as they do on eight ranks.
Run: ``tools/dist_train.sh configs/scaling/mocov2_cld_r50_accumulate_200e.py 2``.
Not measured by this project.
"""

_base_ = '../mocov2_cld_r50_200e.py'

optim_wrapper = dict(accumulative_counts=4)
