"""InfoMin with a ResNet-50: MLP head, jigsaw branch, T 0.15, 65,536 keys."""

model = dict(
    type='InfoMin',
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
    jigsaw=dict(type='JigsawNeck', projection='MLP', out_channels=128),
    jigsaw_weight=0.5,
    head=dict(type='InfoNCEHead', temperature=0.15),
)
