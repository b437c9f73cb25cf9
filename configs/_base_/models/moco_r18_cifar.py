"""MoCo with a CIFAR ResNet-18, Linear head, T 0.07."""

model = dict(
    type='MoCo',
    queue_len=4096,
    feat_dim=128,
    momentum=0.001,  # weight of the new parameters: the paper's 0.999
    data_preprocessor=dict(
        type='ViewsPreprocessor',
        mean=(125.307, 122.961, 113.8575),
        std=(51.5865, 50.847, 51.255),
    ),
    backbone=dict(
        type='ResNet_CIFAR',
        depth=18,
        zero_init_residual=False,
        # PyTorch's default initialization, as in the release.
        init_cfg=[
            dict(
                type='Kaiming',
                layer='Conv2d',
                a=5**0.5,
                mode='fan_in',
                nonlinearity='leaky_relu',
                distribution='uniform',
            ),
            dict(type='Constant', val=1, layer=['_BatchNorm', 'GroupNorm']),
        ],
    ),
    neck=dict(type='LinearProjectionNeck', out_channels=128),
    head=dict(type='InfoNCEHead', temperature=0.07),
)
