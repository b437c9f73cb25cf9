"""MoCo v2 + CLD, ResNet-50, gradients as low-rank factors between ranks.

For slow networks. PowerSGD (arXiv 1905.13727), rank 4, after 1,000 steps with exact
gradients; it changes the gradients.
Run: ``tools/dist_train.sh configs/scaling/mocov2_cld_r50_powersgd_200e.py 8``.
Not measured by this project.
"""

_base_ = '../mocov2_cld_r50_200e.py'

custom_hooks = [
    *_base_.custom_hooks,
    dict(
        type='GradientCompressionHook',
        method='powersgd',
        matrix_approximation_rank=4,
        start_powerSGD_iter=1000,
    ),
]
