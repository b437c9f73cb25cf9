"""From a study's run to the training config that it uses, and to its data."""

import hashlib
import json
from functools import lru_cache
from pathlib import Path
from typing import Any

from mmengine.config import Config

from cld_mm.config.check_values import check_config, check_data
from cld_mm.config.command_line_overrides import merge_options
from cld_mm.engine.consistency.dataset_fingerprint import fingerprint
from cld_mm.registry import DATASETS

from .plan import Run, Study, StudyError

LENGTHS = ('begin', 'end', 'T_max', 'epochs', 'warmup_epochs')
INCIDENTAL = ('work_dir', 'resume', 'default_hooks', 'visualizer', 'vis_backends')


def run_config(study: Study, run: Run, chosen: dict[str, Any]) -> Config:
    """The config of one run.

    Args:
        study: the study.
        run: any but that of the pixels, which take the first arm's.
        chosen: the settings that the arm's trials chose, or those of a trial.

    Raises:
        StudyError: an option does not fit the config, or it does not train by
            iterations.
    """
    arm = run.arm or next(iter(study.arms.values()))
    cfg = Config.fromfile(arm.config)
    options = {**arm.options, **chosen}
    merge_options(cfg, options)
    for name in ('val_cfg', 'val_dataloader'):
        if not cfg.get(name):
            raise StudyError(f'{arm.config} has no {name}: a study evaluates by it.')
    if 'max_iters' not in cfg.train_cfg:
        raise StudyError(
            f'{arm.config} trains by epochs, but a study counts iterations: use an '
            'IterBasedTrainLoop.'
        )
    steps = study.tuning.get('steps') if run.kind == 'trial' else arm.steps
    if steps is not None:
        set_steps(cfg, steps)
    if run.kind == 'trial':
        hold_out(cfg, study.tuning['held_out'])
    curve_of(cfg, study, run)
    cfg.launcher = 'none'
    cfg.setdefault('randomness', {})
    cfg.randomness.seed = run.seed
    cfg.default_hooks.checkpoint = {
        'type': 'DigestCheckpointHook',
        'by_epoch': False,
        'interval': -1,
        'every_minutes': 5,
        'keep_recent': 1,
        'max_keep_ckpts': 1,
        'save_last': True,
    }
    cfg.visualizer = {
        'type': 'Visualizer',
        'vis_backends': [{'type': 'LocalVisBackend'}],
    }
    check_config(cfg)
    check_data(cfg, 'train_dataloader', 'val_dataloader', 'val_cfg')
    return cfg


def set_steps(cfg: Config, steps: int) -> None:
    """Train for so many iterations; the schedules keep their proportions.

    Args:
        cfg: of a training by iterations.
        steps: iterations.
    """
    before = cfg.train_cfg.max_iters
    cfg.train_cfg.max_iters = steps
    scale_schedules(cfg, steps / before)
    interval = cfg.train_cfg.get('val_interval', before)
    cfg.train_cfg.val_interval = max(1, round(interval * steps / before))


def scale_schedules(cfg: Config, ratio: float) -> None:
    """Let the learning-rate schedules take ``ratio`` times as long."""
    schedulers = cfg.get('param_scheduler') or []
    for scheduler in schedulers if isinstance(schedulers, list) else [schedulers]:
        for key in LENGTHS:
            if key in scheduler:
                scheduler[key] = round(scheduler[key] * ratio)
        for key in ('T_max', 'epochs'):
            if key in scheduler:
                scheduler[key] = max(1, scheduler[key])
        if 'end' in scheduler:  # mmengine needs a step at least
            scheduler.end = max(scheduler.end, scheduler.get('begin', 0) + 1)


def hold_out(cfg: Config, held_out: float) -> None:
    """Train on a part of the training images and evaluate on the rest of them."""
    known = cfg.val_cfg.train_dataloader
    evaluated = known.dataset
    part = {'type': 'HeldOut', 'fraction': held_out}
    train = cfg.train_dataloader.dataset
    owner = train if train.type == 'InMemoryViews' else cfg.train_dataloader
    owner.dataset = {**part, 'part': 'fit', 'dataset': owner.dataset}
    known.dataset = {**part, 'part': 'fit', 'dataset': evaluated}
    cfg.val_dataloader.dataset = {**part, 'part': 'held_out', 'dataset': evaluated}
    if 'num_images' in cfg.model:
        cfg.model.num_images = _length(_text(owner.dataset))


def curve_of(cfg: Config, study: Study, run: Run) -> None:
    """Let the study's hook measure in place of the config's own evaluation."""
    steps = cfg.train_cfg.max_iters
    interval = cfg.train_cfg.get('val_interval', steps)
    cfg.train_cfg.val_interval = steps + 1
    cfg.train_cfg.val_begin = steps + 1
    if run.kind == 'final':
        hook = {
            'type': 'StudyCurveHook',
            'interval': interval,
            'k': list(study.measures['k']),
            'temperature': study.measures['temperature'],
        }
        cfg.custom_hooks = [*cfg.get('custom_hooks', []), hook]


def settings_digest(cfg: Config) -> str:
    """Digest of all that decides a run's result."""
    settings = {
        key: value for key, value in cfg.to_dict().items() if key not in INCIDENTAL
    }
    text = json.dumps(settings, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def data_of(cfg: Config, cache: dict[str, Any]) -> dict[str, Any]:
    """Fingerprints of the training and the evaluated images.

    Args:
        cfg: of a run.
        cache: filled with what was read, so that runs share it.
    """
    found = {}
    for name, dataset in (
        ('training', cfg.val_cfg.train_dataloader.dataset),
        ('test', cfg.val_dataloader.dataset),
    ):
        key = _text(dataset)
        if key not in cache:
            cache[key] = fingerprint(DATASETS.build(dataset))
        found[name] = cache[key]
    return found


def _text(dataset: dict[str, Any]) -> str:
    return json.dumps(Config({'d': dataset}).to_dict()['d'], sort_keys=True)


@lru_cache
def _length(dataset: str) -> int:
    return len(DATASETS.build(json.loads(dataset)))


def work_dir_of(root: Path, study: Study, run: Run) -> Path:
    """Where a run's checkpoints and logs are stored."""
    return root / study.name / run.name
