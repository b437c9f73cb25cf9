"""SGD, learning rate 0.03 for 256 images, cosine over 200 epochs, no warm-up."""

optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='SGD', lr=0.03, momentum=0.9, weight_decay=1e-4),
)
param_scheduler = dict(
    type='CosineAnnealingLR', T_max=200, by_epoch=True, begin=0, end=200
)
train_cfg = dict(type='ResumableEpochLoop', max_epochs=200)
auto_scale_lr = dict(enable=False, base_batch_size=256)
