"""CIFAR-10 with augmentation B32 and erasing (recipes), two views; kNN.

Erasing comes after normalization, so the model's ViewsPreprocessor does both, by boxes
that travel with the bytes.

Layout: ``data/CIFAR-10/cifar-10-batches-py``; ``python
tools/dataset_converters/prepare.py cifar10`` fetches it.
"""

_base_ = 'cifar10_a32.py'

# on_device=True leaves colors, blur and flip to the model's ViewsPreprocessor too.
view = [
    dict(
        type='RandomView',
        size=32,
        channel_order='rgb',
        scale=(0.2, 1.0),
        brightness=0.4,
        contrast=0.4,
        saturation=0.4,
        hue=0.1,
        jitter_prob=0.8,
        gray_prob=0.2,
        blur_prob=0.5,
        blur_sigma=(0.1, 2.0),
        erase_prob=1.0,
        on_device=False,
    )
]
train_pipeline = [
    dict(type='SeededMultiView', num_views=[2], transforms=[view]),
    dict(type='PackViews'),
]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
