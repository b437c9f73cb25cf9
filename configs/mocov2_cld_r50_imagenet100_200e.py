"""MoCo v2 + CLD, NormMLP head, ResNet-50, ImageNet-100, 200 epochs.

Recipe: mocov2_cld_r50_200e.py on the 100 classes listed in ``data/imagenet100.txt``
(bring the published list), read from ImageNet's own folder.
Run: ``tools/dist_train.sh configs/mocov2_cld_r50_imagenet100_200e.py 8``.
Expected: none published here. Not measured by this project.
"""

_base_ = 'mocov2_cld_r50_200e.py'

_subset = dict(type='ImageNetSubset', class_ids='data/imagenet100.txt')
train_dataloader = dict(dataset=_subset)
test_dataloader = dict(dataset=_subset)
test_cfg = dict(train_dataloader=dict(dataset=_subset))
