"""InfoMin + CLD on Fashion-MNIST, 10 epochs, for a CPU.

No row of the paper. λ 0.5, T_cld 0.2, K 32, β 0.5; nine patches of 8 pixels.
Run: ``python tools/train.py configs/infomin_cld_r18_fashionmnist_10e.py``.
"""

_base_ = 'mocov2_cld_r18_fashionmnist_10e.py'

model = dict(
    type='InfoMin',
    jigsaw=dict(type='JigsawNeck', projection='NormMLP', out_channels=64),
    jigsaw_weight=0.5,
)

jigsaw_view = [
    dict(type='NumpyToPIL'),
    dict(type='torchvision/RandomResizedCrop', size=28, scale=(0.6, 1.0)),
    dict(type='torchvision/RandomHorizontalFlip'),
    dict(type='PILToNumpy'),
    dict(type='JigsawPatches', grid=3, patch_size=8),
]
train_pipeline = [
    dict(
        type='SeededMultiView',
        num_views=[3, 1],
        transforms=[_base_.view, jigsaw_view],
    ),
    dict(type='PackInputs'),
]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
