"""NNCLR + CLD on moons: a config of nothing but parts of one's own."""

_base_ = '../../configs/_base_/default_runtime.py'

custom_imports = dict(imports=['cld_mm.registry', 'moons_nnclr'])
model = dict(
    type='NNCLR',
    support_size=64,
    feat_dim=8,
    data_preprocessor=dict(mean=(60.0,) * 3, std=(90.0,) * 3),
    backbone=dict(type='ResNet_CIFAR', depth=18, stem_channels=4, base_channels=4),
    neck=dict(type='TwoBranchNeck', projection='GELUNeck', out_channels=8),
    cld=dict(
        type='CLDHead',
        loss_weight=0.25,
        grouping=dict(type='LeaderGrouping', num_groups=4),
        loss=dict(type='CLDLoss', temperature=0.2),
    ),
)

sampler = dict(type='SeededSampler', shuffle=True)
knn_dataloader = dict(
    batch_size=8,
    num_workers=0,
    sampler=dict(type='SeededSampler', shuffle=False),
    collate_fn=dict(type='default_collate'),
    dataset=dict(type='Moons', images=16),
)
train_dataloader = dict(
    batch_size=8,
    num_workers=0,
    drop_last=True,
    sampler=sampler,
    collate_fn=dict(type='default_collate'),
    dataset=dict(type='Moons', images=24, num_views=2),
)
val_dataloader = knn_dataloader
val_cfg = dict(type='KNNLoop', train_dataloader=knn_dataloader, k=3)
val_evaluator = dict(type='ErrorRate')
optim_wrapper = dict(optimizer=dict(type='SGD', lr=0.05, momentum=0.9))
param_scheduler = dict(type='CosineAnnealingLR', T_max=4, end=4, by_epoch=True)
train_cfg = dict(type='ResumableEpochLoop', max_epochs=4, val_interval=2)
default_hooks = dict(checkpoint=dict(interval=1))
