"""Pascal VOC detection, Faster R-CNN R50-C4, from this project's backbone.

MoCo's protocol (arXiv 1911.05722, appendix): trained on trainval07+12, tested on
test07, 24,000 iterations of 16 images, ×0.1 after 18,000 and 22,000, all layers
fine-tuned with synchronized BatchNorm. The recipe for Detectron2 has one more BatchNorm
after the last stage, which MMDetection's ResLayer lacks. For MMDetection 3 (``mim
install mmdet``), in an environment of its own; OUT is written by
``cldmm export CHECKPOINT OUT --to mmdet``. Run, in
MMDetection's folder:
``tools/dist_train.sh CLD_MM/configs/benchmarks/mmdetection/NAME.py 8 --cfg-options
model.backbone.init_cfg.checkpoint=OUT
model.roi_head.shared_head.init_cfg.checkpoint=OUT``.
Not measured by this project.
"""

_base_ = 'mmdet::pascal_voc/faster-rcnn_r50-caffe-c4_ms-18k_voc0712.py'

norm_cfg = dict(type='SyncBN', requires_grad=True)
init_cfg = dict(type='Pretrained', checkpoint='backbone.pth')
stage = dict(style='pytorch', norm_cfg=norm_cfg, norm_eval=False, init_cfg=init_cfg)
model = dict(
    # The images as in pre-training: RGB, ImageNet's mean and deviation.
    data_preprocessor=dict(
        mean=[123.675, 116.28, 103.53],
        std=[58.395, 57.12, 57.375],
        bgr_to_rgb=True,
    ),
    backbone=dict(frozen_stages=-1, **stage),
    roi_head=dict(shared_head=stage),
)

train_cfg = dict(max_iters=24000)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.001, by_epoch=False, begin=0, end=100),
    dict(
        type='MultiStepLR',
        begin=0,
        end=24000,
        by_epoch=False,
        milestones=[18000, 22000],
        gamma=0.1,
    ),
]
