"""BYOL with a ResNet-18 of width 16 for 28×28 gray images, sized for a CPU."""

model = dict(
    type='BYOL',
    momentum=0.01,  # weight of the new parameters: short runs need a faster target
    end_momentum=0.0,
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
    neck=dict(
        type='NonLinearNeck',
        hid_channels=256,
        out_channels=64,
        num_layers=2,
        with_last_bn=False,
        with_avg_pool=True,
    ),
    head=dict(
        type='LatentPredictHead',
        loss=dict(type='CosineSimilarityLoss', shift_factor=2.0, scale_factor=2.0),
        predictor=dict(
            type='NonLinearNeck',
            in_channels=64,
            hid_channels=256,
            out_channels=64,
            num_layers=2,
            with_last_bn=False,
            with_avg_pool=False,
        ),
    ),
)
