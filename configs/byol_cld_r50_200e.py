"""BYOL + CLD, ResNet-50, ImageNet, 200 epochs: announced, never released.

Recipe: as byol_r50_200e.py (the matched baseline), with a NormLinear group branch on
the projector's trunk, λ 0.25, T_cld 0.4, K 120, 5 iterations; 256 images per rank
are enough for 120 groups.
Run: ``tools/dist_train.sh configs/byol_cld_r50_200e.py 8``.
Expected: none published. Not measured by this project.
"""

_base_ = ['byol_r50_200e.py', '_base_/cld/imagenet.py']

model = dict(cld=_base_.cld)

# The trunk's BatchNorm, which no key of the base config names.
optim_wrapper = dict(
    paramwise_cfg=dict(
        custom_keys={'neck.trunk.1': dict(decay_mult=0, lars_exclude=True)}
    )
)
