"""MoCo v2 + CLD, NormMLP head, ResNet-50, any folder of images without labels.

Recipe: mocov2_cld_r50_200e.py, with the images of ``data/images`` and all its folders.
A broken file is skipped with a warning, up to 100 of them. For photos of several
million pixels set LoadImage's ``smallest_crop=(224, 0.2)``. With few GPUs set the
learning rate for the batch by ``--auto-scale-lr``.
Run: ``tools/dist_train.sh configs/mocov2_cld_r50_folder_200e.py GPUS --auto-scale-lr
--cfg-options train_dataloader.dataset.data_root=FOLDER``.
Expected: depends on the images. Not measured by this project.
"""

_base_ = 'mocov2_cld_r50_200e.py'

train_pipeline = [
    dict(type='LoadImage', on_error='skip', max_skips=100),
    dict(type='SeededMultiView', num_views=[3], transforms=[_base_.view]),
    dict(type='PackViews'),
]
train_dataloader = dict(
    dataset=dict(
        _delete_=True,
        type='ImageFolder',
        data_root='data/images',
        with_label=False,
        pipeline=train_pipeline,
    )
)
test_dataloader = None
test_evaluator = None
test_cfg = None
custom_hooks = [*_base_.custom_hooks, dict(type='UnlabeledMonitorHook')]
