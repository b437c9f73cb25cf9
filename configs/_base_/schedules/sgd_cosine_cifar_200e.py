"""SGD, 0.03 for 128 images, 5 epochs of warm-up from a hundredth, cosine to 200."""

optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='SGD', lr=0.06, momentum=0.9, weight_decay=7e-4),
)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.01, by_epoch=True, begin=0, end=5),
    dict(type='CosineAnnealingLR', T_max=195, by_epoch=True, begin=5, end=200),
]
train_cfg = dict(type='ResumableEpochLoop', max_epochs=200, val_interval=10)
auto_scale_lr = dict(enable=False, base_batch_size=256)
