"""BYOL with a ResNet-50: 4,096 hidden units, 256 outputs, target from 0.99 to 1."""

model = dict(
    type='BYOL',
    momentum=0.01,  # of the new parameters: 0.99 for 200 to 300 epochs in the paper
    end_momentum=0.0,
    data_preprocessor=dict(
        type='ViewsPreprocessor',
        mean=(123.675, 116.28, 103.53),
        std=(58.395, 57.12, 57.375),
        to_rgb=True,
    ),
    backbone=dict(
        type='ResNet', depth=50, norm_cfg=dict(type='SyncBN'), zero_init_residual=False
    ),
    neck=dict(
        type='NonLinearNeck',
        hid_channels=4096,
        out_channels=256,
        num_layers=2,
        with_bias=True,
        with_last_bn=False,
        with_avg_pool=True,
    ),
    head=dict(
        type='LatentPredictHead',
        loss=dict(type='CosineSimilarityLoss', shift_factor=2.0, scale_factor=2.0),
        predictor=dict(
            type='NonLinearNeck',
            in_channels=256,
            hid_channels=4096,
            out_channels=256,
            num_layers=2,
            with_bias=True,
            with_last_bn=False,
            with_avg_pool=False,
        ),
    ),
)
