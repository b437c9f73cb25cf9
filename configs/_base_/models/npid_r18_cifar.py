"""NPID with a CIFAR ResNet-18, Linear head: softmax over the whole bank, T 0.1."""

model = dict(
    type='NPID',
    num_images=50000,
    temperature=0.1,
    num_negatives=0,
    feat_dim=128,
    bank_momentum=0.5,
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
)
