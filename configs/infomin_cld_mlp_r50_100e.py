"""InfoMin + CLD with the MLP head, ResNet-50, ImageNet, 100 epochs.

Recipe: as infomin_cld_r50_100e.py, linear instead of cosine projections.
Run: ``tools/dist_train.sh configs/infomin_cld_mlp_r50_100e.py 8``.
Expected: 69.5 % linear top-1 (the release's table). Not measured by this project.
"""

_base_ = 'infomin_cld_r50_100e.py'

model = dict(neck=dict(type='MLP'), jigsaw=dict(projection='MLP'))
