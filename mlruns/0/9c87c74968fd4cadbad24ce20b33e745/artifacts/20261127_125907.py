custom_hooks = [
    dict(type='NoteGroups'),
]
default_hooks = dict(
    checkpoint=dict(every_iters=1, interval=1, type='DigestCheckpointHook'),
    logger=dict(interval=1, type='LoggerHook'))
default_scope = 'cld_mm'
experiment_name = 'settings-0'
log_level = 'ERROR'
model = dict(type='TinyModel')
optim_wrapper = dict(
    optimizer=dict(lr=0.03, momentum=0.9, type='SGD', weight_decay=0.1),
    type='OptimWrapper')
param_scheduler = [
    dict(T_max=2, by_epoch=True, end=2, type='CosineAnnealingLR'),
]
randomness = dict(seed=1)
resume = False
train_cfg = dict(by_epoch=True, max_epochs=1)
train_dataloader = dict(
    batch_size=4,
    collate_fn=dict(type='default_collate'),
    dataset=dict(type='TinyData'),
    num_workers=0,
    sampler=dict(shuffle=True, type='SeededSampler'))
visualizer = dict(
    type='Visualizer', vis_backends=[
        dict(type='ResumableMLflowVisBackend'),
    ])
work_dir = '/tmp/pytest-of-root/pytest-23/test_mlflow_keeps_its_run0'
