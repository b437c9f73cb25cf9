"""BYOL + CLD, ResNet-50, ImageNet, 200 epochs: announced, never released.

Recipe: as byol_r50_200e.py (the matched baseline), with a NormLinear group branch on
the projector's trunk, λ 0.25, T_cld 0.4, K 120, 5 rounds; 256 images a rank are enough
for 120 groups.
Run: ``tools/dist_train.sh configs/byol_cld_r50_200e.py 8``.
Expected: none published. Not measured by this project.
"""

_base_ = 'byol_r50_200e.py'

model = dict(
    neck=dict(
        _delete_=True,
        type='TwoBranchNonLinearNeck',
        projection='NormLinearNeck',
        in_channels=2048,
        hid_channels=4096,
        out_channels=256,
        group_channels=128,
    ),
    cld=dict(
        type='CLDHead',
        loss_weight=0.25,
        grouping=dict(type='KMeansGrouping', num_groups=120, num_iters=5),
        loss=dict(type='CLDLoss', temperature=0.4),
    ),
)

# The trunk's BatchNorm, which no key of the base config names.
optim_wrapper = dict(
    paramwise_cfg=dict(
        custom_keys={'neck.trunk.1': dict(decay_mult=0, lars_exclude=True)}
    )
)
