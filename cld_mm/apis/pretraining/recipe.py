"""A whole config, as tools/train.py runs it, from the choices of a plan."""

from pathlib import Path
from typing import Any

from .backbones import is_transformer
from .method_models import method_model
from .methods import find_method, jigsaw_sizes
from .plan import MONITORED, Plan

RGB_ONLY = {'saturation': 0.0, 'hue': 0.0, 'gray_prob': 0.0}
COLORS = {
    'brightness': 0.4,
    'contrast': 0.4,
    'saturation': 0.4,
    'hue': 0.1,
    'jitter_prob': 0.8,
    'gray_prob': 0.2,
    'blur_prob': 0.5,
    'blur_sigma': (0.1, 2.0),
}


def build_config(plan: Plan) -> dict[str, Any]:
    """The resolved config: plain values, no ``_base_``."""
    return {
        'model': method_model(plan),
        'train_dataloader': dataloader(plan),
        'train_cfg': {'type': 'ResumableEpochLoop', 'max_epochs': plan.epochs},
        'val_dataloader': None,
        'val_cfg': None,
        'val_evaluator': None,
        'test_dataloader': None,
        'test_cfg': None,
        'test_evaluator': None,
        'optim_wrapper': optimizer(plan),
        'param_scheduler': schedule(plan),
        **runtime(plan),
    }


def pipeline(plan: Plan) -> list[dict[str, Any]]:
    """Decode once, then the method's views."""
    method, with_cld = find_method(plan.method)
    views = method.views[with_cld]
    view = {'type': 'RandomView', 'size': plan.size, 'scale': (0.2, 1.0), **COLORS}
    load = {'type': 'LoadImage', 'smallest_crop': 'auto', 'on_error': 'skip'}
    if plan.in_channels != 3:
        view |= RGB_ONLY
        load['bands'] = 'all'
    multi: dict[str, Any] = {
        'type': 'SeededMultiView',
        'num_views': [views],
        'transforms': [[view]],
    }
    if method.name != 'infomin':
        return [load, multi, {'type': 'PackViews'}]
    side, patch = jigsaw_sizes(plan.size)
    crop = {'type': 'RandomView', 'size': side, 'scale': (0.6, 1.0)}
    patches = {'type': 'JigsawPatches', 'grid': 3, 'patch_size': patch}
    multi['num_views'] = [views, 1]
    multi['transforms'] = [[view], [crop, patches]]
    return [load, multi, {'type': 'PackViews'}]


def dataloader(plan: Plan) -> dict[str, Any]:
    """The training images."""
    return {
        'batch_size': plan.batch_size,
        'num_workers': plan.workers,
        'persistent_workers': plan.workers > 0,
        'drop_last': True,
        'sampler': {'type': 'SeededSampler', 'shuffle': True},
        'collate_fn': {'type': 'collate_views'},
        'dataset': {
            'type': 'ImageSource',
            'data': [str(Path(one).expanduser().resolve()) for one in plan.data],
            'with_label': False,
            'pipeline': pipeline(plan),
        },
    }


def optimizer(plan: Plan) -> dict[str, Any]:
    """SGD for convolutional networks, AdamW for the others."""
    wrapper: dict[str, Any] = {'type': 'OptimWrapper'}
    if plan.precision != 'float32':
        wrapper = {'type': 'PortableAmpOptimWrapper', 'dtype': plan.precision}
    if is_transformer(plan.backbone_cfg()):
        kind = {'type': 'AdamW', 'lr': plan.lr, 'weight_decay': 0.05}
        wrapper['clip_grad'] = {'max_norm': 3.0}
    else:
        kind = {'type': 'SGD', 'lr': plan.lr, 'momentum': 0.9, 'weight_decay': 1e-4}
    return {**wrapper, 'optimizer': kind}


def schedule(plan: Plan) -> list[dict[str, Any]]:
    """A cosine to the end, after a warm-up of a twentieth where the method has one."""
    method, _ = find_method(plan.method)
    warm = method.warmup or is_transformer(plan.backbone_cfg())
    begin = min(10, plan.epochs // 20) if warm else 0
    by_epoch = {'by_epoch': True, 'convert_to_iter_based': True}
    cosine = {
        'type': 'CosineAnnealingLR',
        'T_max': plan.epochs - begin,
        'begin': begin,
        'end': plan.epochs,
        **by_epoch,
    }
    if not begin:
        return [cosine]
    rise = {'type': 'LinearLR', 'start_factor': 0.01, 'begin': 0, 'end': begin}
    return [{**rise, **by_epoch}, cosine]


def runtime(plan: Plan) -> dict[str, Any]:
    """Hooks of pre-training, checkpoints and logs."""
    interval = min(50, max(1, plan.epochs * plan.iterations // 20))
    common = common_runtime(plan.seed, plan.epochs, interval)
    hooks = ('MomentumUpdateHook', 'CollapseHook', 'GroupQualityHook')
    common['custom_hooks'] += [{'type': name} for name in hooks]
    # Signals of learning, about ten times in a run.
    monitor = {'type': 'UnlabeledMonitorHook', 'interval': max(1, plan.epochs // 10)}
    monitor['num_images'] = min(MONITORED, plan.num_images)
    common['custom_hooks'].append(monitor)
    if plan.seconds is not None:
        budget = {'type': 'TimeBudgetHook', 'seconds': round(plan.seconds, 1)}
        common['custom_hooks'].append(budget)
    return common


def common_runtime(seed: int, epochs: int, interval: int) -> dict[str, Any]:
    """Scope, hooks, logs and seed, as in configs/_base_/default_runtime.py.

    Args:
        seed: of everything random.
        epochs: of the run; a checkpoint is kept about five times.
        interval: iterations between log lines.
    """
    hooks: tuple[str, ...] = ('RankWatchdogHook', 'RankAgreementHook')
    hooks += ('DatasetCheckHook', 'NonFiniteLossHook', 'RunInfoHook', 'ProgressBarHook')
    return {
        'default_scope': 'cld_mm',
        'custom_imports': {
            'imports': ['cld_mm.registry'],
            'allow_failed_imports': False,
        },
        'default_hooks': {
            'runtime_info': {'type': 'RuntimeInfoHook'},
            'timer': {'type': 'IterTimerHook'},
            'logger': {'type': 'LoggerHook', 'interval': interval},
            'param_scheduler': {'type': 'ParamSchedulerHook'},
            'checkpoint': {
                'type': 'DigestCheckpointHook',
                'interval': max(1, epochs // 5),
                'max_keep_ckpts': 2,
                'every_minutes': 30,
            },
            'sampler_seed': {'type': 'DistSamplerSeedHook'},
        },
        'custom_hooks': [{'type': name} for name in hooks],
        'env_cfg': {
            'cudnn_benchmark': True,
            'mp_cfg': {'mp_start_method': 'fork', 'opencv_num_threads': 0},
            'dist_cfg': {'backend': 'nccl'},
            'watchdog_cfg': {'timeout': 60, 'stall_timeout': 1800},
        },
        'visualizer': {
            'type': 'Visualizer',
            'vis_backends': [{'type': 'LocalVisBackend'}],
        },
        'log_processor': {'window_size': 10},
        'log_level': 'INFO',
        'load_from': None,
        'resume': False,
        'randomness': {'seed': seed},
    }
