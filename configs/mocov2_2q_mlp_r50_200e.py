"""MoCo v2 with two queries, MLP head, ResNet-50, ImageNet, 200 epochs.

The matched baseline of mocov2_cld_mlp_r50_200e.py: same views, passes and head, λ 0.
Run: ``tools/dist_train.sh configs/mocov2_2q_mlp_r50_200e.py 8``.
Expected: none published; symmetric MoCo v2 reaches 69.9 % linear top-1 at 200 epochs
(SimSiam, arXiv 2011.10566, table 4). Not measured by this project.
"""

_base_ = 'mocov2_2q_r50_200e.py'

model = dict(neck=dict(type='MLP'))
