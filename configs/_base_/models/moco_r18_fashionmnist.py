"""MoCo with a ResNet-18 of width 16 for 28×28 gray images, sized for a CPU."""

model = dict(
    type='MoCo',
    queue_len=2048,
    feat_dim=64,
    momentum=0.01,  # weight of the new parameters: short runs need a faster encoder
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
    neck=dict(type='MLP', out_channels=64),
    head=dict(type='InfoNCEHead', temperature=0.2),
)
