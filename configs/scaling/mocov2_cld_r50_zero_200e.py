"""MoCo v2 + CLD, ResNet-50, the optimizer's states split over ranks (ZeRO, stage 1).

Same values; each rank holds only its part of SGD's momentum.
Run: ``tools/dist_train.sh configs/scaling/mocov2_cld_r50_zero_200e.py 8``.
Not measured by this project on a GPU.
"""

_base_ = '../mocov2_cld_r50_200e.py'

optim_wrapper = dict(
    optimizer=dict(type='ZeroRedundancyOptimizer', optimizer_type='SGD')
)
