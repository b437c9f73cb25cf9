"""MoCo v2 + CLD, ResNet-50, gradients in half precision between ranks.

Run: ``tools/dist_train.sh configs/scaling/mocov2_cld_r50_fp16_gradients_200e.py 8``.
Not measured by this project.
"""

_base_ = '../mocov2_cld_r50_200e.py'

custom_hooks = [
    *_base_.custom_hooks,
    dict(type='GradientCompressionHook', method='fp16'),
]
