"""MoCo v2 + CLD, NormMLP head, ResNet-50, images in tar shards, 200 epochs.

Recipe: mocov2_cld_r50_200e.py, with images that ``python tools/dataset_converters/
to_shards.py configs/mocov2_cld_r50_200e.py --out data/shards`` has packed.
Run: ``tools/dist_train.sh configs/mocov2_cld_r50_shards_200e.py 8``.
Expected: as mocov2_cld_r50_200e.py. Not measured by this project.
"""

_base_ = 'mocov2_cld_r50_200e.py'

train_dataloader = dict(
    sampler=dict(_delete_=True, type='ShardSampler', buffer_size=5000),
    dataset=dict(
        _delete_=True,
        type='TarShards',
        data_root='data/shards',
        pipeline=_base_.train_pipeline,
    ),
)
test_dataloader = None
test_evaluator = None
test_cfg = None
