"""InfoMin with two queries, MLP head, ResNet-50, ImageNet, 200 epochs.

The matched baseline of infomin_cld_mlp_r50_200e.py: same views, passes and head, λ 0.
Run: ``tools/dist_train.sh configs/infomin_2q_mlp_r50_200e.py 8``.
Expected: none published. Not measured by this project.
"""

_base_ = 'infomin_2q_r50_200e.py'

model = dict(neck=dict(type='MLP'), jigsaw=dict(projection='MLP'))
