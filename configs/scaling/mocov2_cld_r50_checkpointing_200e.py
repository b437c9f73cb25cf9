"""MoCo v2 + CLD, ResNet-50, activations computed again in the backward pass.

Same values, less memory, about a third more computing.
Run: ``tools/dist_train.sh configs/scaling/mocov2_cld_r50_checkpointing_200e.py 8``.
Not measured by this project on a GPU.
"""

_base_ = '../mocov2_cld_r50_200e.py'

model = dict(backbone=dict(with_cp=True))
