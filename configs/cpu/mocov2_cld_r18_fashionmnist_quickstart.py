"""MoCo v2 + CLD on all of Fashion-MNIST, 1,000 iterations of 128 images: quickstart's.

No row of the paper. Images in memory, views made in batches, bfloat16 where the CPU has
it. λ 0.5, T_cld 0.2, K 32. Three stages: a fourth would end at 2×2. The quickstart
judges the first listed output, the second stage's 7×7 map; probes use 10,000 labels.
Run: ``python tools/train.py configs/cpu/mocov2_cld_r18_fashionmnist_quickstart.py``.
"""

_base_ = '../mocov2_cld_r18_fashionmnist_in_memory_10e.py'

max_iters = 1000
model = dict(
    queue_len=4096,
    backbone=dict(
        num_stages=3, strides=(2, 2, 2), dilations=(1, 1, 1), out_indices=(1, 2)
    ),
)
train_dataloader = dict(
    batch_size=128, dataset=dict(scale=(0.5, 1.0), dataset=dict(indices=60000))
)
optim_wrapper = dict(
    _delete_=True,
    type='PortableAmpOptimWrapper',
    dtype='bfloat16',
    optimizer=dict(type='SGD', lr=0.12, momentum=0.9, weight_decay=5e-4),
)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.01, by_epoch=False, begin=0, end=50),
    dict(
        type='CosineAnnealingLR',
        T_max=max_iters - 50,
        by_epoch=False,
        begin=50,
        end=max_iters,
    ),
]
train_cfg = dict(
    _delete_=True,
    type='ResumableIterLoop',
    max_iters=max_iters,
    val_interval=max_iters,
    val_begin=max_iters + 1,
)
default_hooks = dict(
    checkpoint=dict(by_epoch=False, interval=-1, save_last=True, max_keep_ckpts=1)
)
