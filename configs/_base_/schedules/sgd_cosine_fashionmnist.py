"""SGD for small CPU runs: learning rate 0.06 for 64 images, cosine per iteration."""

max_epochs = 10
optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='SGD', lr=0.06, momentum=0.9, weight_decay=1e-4),
)
param_scheduler = dict(
    type='CosineAnnealingLR',
    T_max=max_epochs,
    begin=0,
    end=max_epochs,
    by_epoch=True,
    convert_to_iter_based=True,
)
train_cfg = dict(type='ResumableEpochLoop', max_epochs=max_epochs, val_interval=5)
auto_scale_lr = dict(enable=False, base_batch_size=64)
