"""The quickstart's recipe with its images in memory and its views made on the device.

No row of the paper. No loader process, no image transform on the CPU; the same
augmentations by ViewsPreprocessor.
Run: ``python tools/train.py configs/mocov2_cld_r18_fashionmnist_in_memory_10e.py``.
"""

_base_ = 'mocov2_cld_r18_fashionmnist_10e.py'

model = dict(data_preprocessor=dict(type='ViewsPreprocessor'))
train_dataloader = dict(
    num_workers=0,
    collate_fn=dict(_delete_=True, type='whole_batch'),
    dataset=dict(
        _delete_=True,
        type='InMemoryViews',
        num_views=3,
        size=28,
        scale=(0.4, 1.0),
        brightness=0.4,
        contrast=0.4,
        dataset=dict(
            type='CheckedFashionMNIST',
            data_root='data/fashion-mnist',
            split='train',
            indices=10000,
            download=False,
        ),
    ),
)
