"""MoCo v2 + CLD, ResNet-50, backbones and necks through torch.compile.

``--compile`` does the same for any recipe. Values differ in the last digits.
Run: ``tools/dist_train.sh configs/scaling/mocov2_cld_r50_compile_200e.py 8``.
Not measured by this project on a GPU.
"""

_base_ = '../mocov2_cld_r50_200e.py'

custom_hooks = [*_base_.custom_hooks, dict(type='CompileHook')]
