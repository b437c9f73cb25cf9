"""A tiny MoCo on class folders ``DATA/train`` and ``DATA/test``, evaluated by kNN."""

load = [dict(type='LoadImage'), dict(type='Resize', scale=(16, 16))]
test_pipeline = [*load, dict(type='PackInputs')]
view = [dict(type='RandomView', size=16)]
train_pipeline = [
    *load,
    dict(type='SeededMultiView', num_views=[2], transforms=[view]),
    dict(type='PackViews'),
]


def loader(split, pipeline, shuffle: bool = False) -> dict:
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
    type='MoCo',
    queue_len=6,
    feat_dim=8,
    data_preprocessor=dict(
        type='SelfSupDataPreprocessor', mean=(127.0,) * 3, std=(60.0,) * 3
    ),
    backbone=dict(
        type='ResNet_CIFAR',
        depth=18,
        stem_channels=4,
        base_channels=4,
        zero_init_residual=False,
    ),
    neck=dict(type='MLP', in_channels=32, out_channels=8),
    head=dict(type='InfoNCEHead', temperature=0.2),
)
train_dataloader = loader('train', train_pipeline, shuffle=True)
train_cfg = dict(by_epoch=True, max_epochs=1)
optim_wrapper = dict(type='OptimWrapper', optimizer=dict(type='SGD', lr=0.0001))
knn = dict(
    type='KNNLoop', train_dataloader=loader('train', test_pipeline), k=1, temperature=1
)
val_dataloader = test_dataloader = loader('test', test_pipeline)
val_cfg = knn
test_cfg = dict(**knn, stage='test')
val_evaluator = test_evaluator = dict(type='Accuracy', topk=(1,))
unknown_classes = 'error'
