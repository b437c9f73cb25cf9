"""A tiny classifier: class folders ``DATA/train`` and ``DATA/test``."""

pipeline = [
    dict(type='LoadImage'),
    dict(type='Resize', scale=(16, 16)),
    dict(type='PackInputs'),
]


def loader(split, shuffle: bool = False) -> dict:
    return dict(
        batch_size=3,
        num_workers=0,
        sampler=dict(type='SeededSampler', shuffle=shuffle),
        dataset=dict(
            type='ImageFolder', data_root='DATA', data_prefix=split, pipeline=pipeline
        ),
    )


default_scope = 'cld_mm'
model = dict(
    type='ImageClassifier',
    data_preprocessor=dict(mean=(127.0,) * 3, std=(60.0,) * 3),
    backbone=dict(
        type='ResNet_CIFAR',
        depth=18,
        stem_channels=4,
        base_channels=4,
        zero_init_residual=False,
        frozen_stages=-1,
    ),
    neck=dict(type='GlobalAveragePooling'),
    head=dict(
        type='LinearClsHead',
        num_classes=3,
        in_channels=32,
        loss=dict(type='CrossEntropyLoss'),
        topk=(1,),
    ),
)
train_dataloader = loader('train', shuffle=True)
train_cfg = dict(by_epoch=True, max_epochs=20, val_interval=20)
optim_wrapper = dict(type='OptimWrapper', optimizer=dict(type='Adam', lr=0.01))
val_dataloader = test_dataloader = loader('test')
val_cfg = test_cfg = dict()
val_evaluator = test_evaluator = dict(type='Accuracy', topk=(1,))
default_hooks = dict(checkpoint=dict(type='DigestCheckpointHook', interval=20))
randomness = dict(seed=0)
unknown_classes = 'error'
