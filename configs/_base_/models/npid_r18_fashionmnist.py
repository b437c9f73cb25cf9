"""NPID with a ResNet-18 of width 16 for 28×28 gray images, sized for a CPU."""

model = dict(
    type='NPID',
    num_images=10000,
    temperature=0.1,
    feat_dim=64,
    bank_momentum=0.5,
    data_preprocessor=dict(type='SelfSupDataPreprocessor', mean=(73.0,), std=(90.0,)),
    backbone=dict(
        type='ResNet_CIFAR',
        depth=18,
        in_channels=1,
        stem_channels=16,
        base_channels=16,
        strides=(2, 2, 2, 2),
        zero_init_residual=False,
    ),
    neck=dict(type='LinearProjectionNeck', out_channels=64),
)
