"""MoCo v2 + CLD, ResNet-50, with a static graph in DistributedDataParallel.

Every step uses every weight in the same order, so the order of gradients is planned
once, and none is searched for. Not together with gradient accumulation.
Run: ``tools/dist_train.sh configs/scaling/mocov2_cld_r50_static_graph_200e.py 8``.
Not measured by this project on a GPU.
"""

_base_ = '../mocov2_cld_r50_200e.py'

model_wrapper_cfg = dict(
    type='MMDistributedDataParallel', static_graph=True, find_unused_parameters=False
)
