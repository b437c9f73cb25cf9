"""InfoMin + CLD with the MLP head, ResNet-50, ImageNet, 200 epochs.

Recipe: as infomin_cld_mlp_r50_100e.py, twice as long.
Run: ``tools/dist_train.sh configs/infomin_cld_mlp_r50_200e.py 8``.
Expected: 70.6 % linear top-1 (the release's table). Not measured by this project.
"""

_base_ = 'infomin_cld_mlp_r50_100e.py'

param_scheduler = dict(epochs=200)
train_cfg = dict(max_epochs=200)
