"""Augmentation A of the recipes for small images; batches of 256."""

# on_device=True leaves color and flip to the model's ViewsPreprocessor.
crop = dict(
    type='RandomView',
    size=32,
    channel_order='rgb',
    scale=(0.2, 1.0),
    brightness=0.4,
    contrast=0.4,
    saturation=0.4,
    hue=0.4,
    gray_prob=0.2,
    on_device=False,
)
train_dataloader = dict(
    batch_size=256,
    num_workers=8,
    persistent_workers=True,
    drop_last=True,
    sampler=dict(type='SeededSampler', shuffle=True),
    collate_fn=dict(type='collate_views'),
)
