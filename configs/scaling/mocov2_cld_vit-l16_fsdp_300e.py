"""MoCo v2 + CLD with a ViT-L/16, weights and optimizer states split over ranks (FSDP).

MoCo v3's optimization (arXiv 2104.02057): AdamW, 1.5e-4 for 256 images, 40 epochs of
warm-up, weight decay 0.1, patch projection kept as initialized; 64 images per rank.
Groups of all ranks. ``model_wrapper_cfg=None`` trains it by DistributedDataParallel.
Run: ``tools/dist_train.sh configs/scaling/mocov2_cld_vit-l16_fsdp_300e.py 64``.
Not measured by this project.
"""

_base_ = '../mocov2_cld_r50_200e.py'

model_wrapper_cfg = dict(type='FullySharded')
model = dict(
    backbone=dict(
        _delete_=True,
        type='VisionTransformer',
        arch='l',
        img_size=224,
        patch_size=16,
        out_type='cls_token',
    ),
    cld=dict(gather=True),
)
optim_wrapper = dict(
    dtype='bfloat16',
    optimizer=dict(_delete_=True, type='AdamW', lr=2.4e-3, weight_decay=0.1),
    paramwise_cfg=dict(
        custom_keys={'backbone.patch_embed': dict(lr_mult=0.0, decay_mult=0.0)}
    ),
)
param_scheduler = [
    dict(
        type='LinearLR',
        start_factor=1e-4,
        begin=0,
        end=40,
        by_epoch=True,
        convert_to_iter_based=True,
    ),
    dict(
        type='CosineAnnealingLR',
        T_max=260,
        begin=40,
        end=300,
        by_epoch=True,
        convert_to_iter_based=True,
    ),
]
train_cfg = dict(max_epochs=300)
auto_scale_lr = dict(base_batch_size=4096)
