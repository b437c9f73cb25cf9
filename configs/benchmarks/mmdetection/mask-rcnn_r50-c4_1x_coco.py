"""COCO detection and segmentation, Mask R-CNN R50-C4, from this project's backbone.

MoCo's protocol (arXiv 1911.05722, section 4.2.2): the 1x schedule, all layers
fine-tuned with synchronized BatchNorm. For MMDetection 3; run as the VOC config beside
it. Not measured by this project.
"""

_base_ = 'mmdet::mask_rcnn/mask-rcnn_r50-caffe-c4_1x_coco.py'

norm_cfg = dict(type='SyncBN', requires_grad=True)
init_cfg = dict(type='Pretrained', checkpoint='backbone.pth')
stage = dict(style='pytorch', norm_cfg=norm_cfg, norm_eval=False, init_cfg=init_cfg)
model = dict(
    data_preprocessor=dict(
        mean=[123.675, 116.28, 103.53],
        std=[58.395, 57.12, 57.375],
        bgr_to_rgb=True,
    ),
    backbone=dict(frozen_stages=-1, **stage),
    roi_head=dict(shared_head=stage),
)
