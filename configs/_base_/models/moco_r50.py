"""MoCo v2 with a ResNet-50: MLP head, 65,536 keys, T 0.2 (recipes' MoCo v2 row)."""

model = dict(
    type='MoCo',
    queue_len=65536,
    feat_dim=128,
    momentum=0.001,  # weight of the new parameters: the paper's 0.999
    data_preprocessor=dict(
        type='ViewsPreprocessor',
        mean=(123.675, 116.28, 103.53),
        std=(58.395, 57.12, 57.375),
        to_rgb=True,
    ),
    backbone=dict(type='ResNet', depth=50, zero_init_residual=False),
    neck=dict(type='MLP', out_channels=128),
    head=dict(type='InfoNCEHead', temperature=0.2),
)
