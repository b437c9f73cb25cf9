"""What every run shares: scope, hooks, logs and seed."""

default_scope = 'cld_mm'
custom_imports = dict(imports=['cld_mm.registry'], allow_failed_imports=False)

default_hooks = dict(
    runtime_info=dict(type='BufferedRuntimeInfoHook'),
    timer=dict(type='IterTimerHook'),
    logger=dict(type='LoggerHook', interval=50),
    param_scheduler=dict(type='ParamSchedulerHook'),
    checkpoint=dict(
        type='DigestCheckpointHook', interval=10, max_keep_ckpts=3, every_minutes=30
    ),
    sampler_seed=dict(type='DistSamplerSeedHook'),
)
custom_hooks = [
    dict(type='RankWatchdogHook'),
    dict(type='RankAgreementHook'),
    dict(type='MomentumUpdateHook'),
    dict(type='DatasetCheckHook'),
    dict(type='NonFiniteLossHook'),
    dict(type='CollapseHook'),
    dict(type='GroupQualityHook'),
    dict(type='RunInfoHook'),
    dict(type='ProgressBarHook'),
]

env_cfg = dict(
    cudnn_benchmark=True,
    mp_cfg=dict(mp_start_method='fork', opencv_num_threads=0),
    dist_cfg=dict(backend='nccl'),
    # Seconds without a sign of life, and without progress, until all ranks stop.
    watchdog_cfg=dict(timeout=60, stall_timeout=1800),
)

vis_backends = [
    dict(type='LocalVisBackend'),
    dict(type='ResumableTensorboardVisBackend'),
]
visualizer = dict(type='Visualizer', vis_backends=vis_backends)

# Every step's values as they are; means hide a collapse.
log_processor = dict(window_size=10)
log_level = 'INFO'
load_from = None
resume = False
randomness = dict(seed=0)
# Test images of classes that training lacks: 'error' counts them as wrong,
# 'exclude' leaves them out.
unknown_classes = 'error'
