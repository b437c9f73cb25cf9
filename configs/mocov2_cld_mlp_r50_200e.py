"""MoCo v2 + CLD with the MLP head, ResNet-50, ImageNet, 200 epochs.

Recipe: as mocov2_cld_r50_200e.py, linear instead of cosine projections.
Run: ``tools/dist_train.sh configs/mocov2_cld_mlp_r50_200e.py 8``.
Expected: 69.2 % linear top-1 (the release's table). Not measured by this project.
"""

_base_ = 'mocov2_cld_r50_200e.py'

model = dict(neck=dict(type='MLP'))
