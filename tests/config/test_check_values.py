"""An invalid config is refused before anything is built, naming the setting."""

from pathlib import Path
from typing import Any

import pytest
from mmengine.config import Config

from cld_mm.config.check_structure import check_structure
from cld_mm.config.check_values import check_config, check_data
from cld_mm.config.error import ConfigError
from tests.helpers import ROOT
from tests.helpers.recipes import read_recipe

TRAIN = 'train_dataloader.dataset'


def check(cfg: Config) -> None:
    check_structure(cfg)
    check_config(cfg)


def remove(cfg: Config, path: str) -> None:
    owner, _, key = path.rpartition('.')
    for name in owner.split('.'):
        cfg = cfg[name]
    del cfg[key]


@pytest.mark.parametrize(
    ('path', 'said'),
    [
        (f'{TRAIN}.pipeline', rf'{TRAIN}.pipeline is missing: give'),
        (
            'val_cfg.train_dataloader.dataset.pipeline',
            r'val_cfg.train_dataloader.dataset.pipeline is missing',
        ),
        ('train_dataloader.batch_size', r'batch_size must be >= 2 .* got 1, the def'),
        ('model.head.type', r'model.head.type is missing'),
        ('default_hooks.checkpoint.type', r'default_hooks.checkpoint.type is missing'),
        ('model.cld.grouping.num_groups', r'grouping.num_groups is missing: KMeans'),
    ],
)
def test_a_missing_setting_is_named(path: str, said: str) -> None:
    cfg = read_recipe()
    remove(cfg, path)
    with pytest.raises(ConfigError, match=said):
        check(cfg)


@pytest.mark.parametrize(
    ('path', 'wrong', 'said'),
    [
        (f'{TRAIN}.pipeline', 'pipelinex', r"pipelinex: .* did you mean 'pipeline'"),
        (
            'val_dataloader.collate_fn.type',
            'typo',
            r"collate_fn.type is missing \(is 'typo' a misspelling of it",
        ),
        (
            'optim_wrapper.optimizer',
            'optimizr',
            r"optim_wrapper.optimizr: OptimWrapper has no .* mean 'optimizer'",
        ),
        ('model.backbone.depth', 'dept', r"model.backbone.dept: .* mean 'depth'"),
        ('train_cfg.max_epochs', 'max_epoch', r"max_epoch: .* mean 'max_epochs'"),
        ('train_dataloader.num_workers', 'workers', r"mean 'num_workers'"),
        ('randomness.seed', 'sead', r"randomness.sead: .* did you mean 'seed'"),
        (
            'log_processor.window_size',
            'window',
            r'log_processor.window: LogProcessor has no setting',
        ),
        ('env_cfg.mp_cfg', 'mp_cgf', r"env_cfg.mp_cgf is unknown; .* mean 'mp_cfg'"),
    ],
)
def test_a_misspelt_setting_gets_a_suggestion(path: str, wrong: str, said: str) -> None:
    cfg = read_recipe()
    owner = cfg
    *above, key = path.split('.')
    for name in above:
        owner = owner[name]
    owner[wrong] = owner.pop(key)
    with pytest.raises(ConfigError, match=said):
        check(cfg)


@pytest.mark.parametrize(
    ('path', 'value', 'said'),
    [
        (f'{TRAIN}.pipeline', [], rf'{TRAIN}.pipeline is empty'),
        (f'{TRAIN}.pipeline', 3.5, r'pipeline must be a list of transforms, got 3.5'),
        (
            'train_dataloader.num_workers',
            10**5,
            'num_workers must be at most .* 100000',
        ),
        ('train_dataloader.batch_size', 1, 'must be >= 2 images per rank, got 1: pre'),
        ('train_dataloader.drop_last', 'no', r"drop_last must be bool, got 'no'"),
        ('train_dataloader.collate_fn', None, r'collate_fn must be .*, got None'),
        ('val_dataloader.collate_fn.type', 'default_colate', r"mean 'default_collate'"),
        ('model.backbone', None, r'model.backbone must be a part, .* got None'),
        ('model.type', 'MoCoo', r"model.type: no model is named .* mean 'MoCo'"),
        ('model.queue_len', '5', r"model.queue_len must be int, got '5'"),
        ('train_cfg.val_interval', 0, r'train_cfg.val_interval must be >= 1, got 0'),
        ('train_cfg.max_epochs', -2, r'train_cfg.max_epochs must be >= 1, got -2'),
        (
            'train_cfg',
            {'max_epochs': 1},
            r'train_cfg.type is missing: .* by_epoch=True',
        ),
        ('val_cfg.type', 'Accuracy', r"no loop is named 'Accuracy', but a metric is"),
        ('optim_wrapper.optimizer.type', 'Q', r"named 'Q': if .* custom_imports"),
        ('optim_wrapper.optimizer.lr', float('nan'), 'lr must be a finite number'),
        ('optim_wrapper.clip_grad', {'max_norn': 1}, r"max_norn: .* mean 'max_norm'"),
        (
            'optim_wrapper.paramwise_cfg',
            {'norm_decy_mult': 0.0},
            r"norm_decy_mult is unknown; did you mean 'norm_decay_mult'",
        ),
        (
            'optim_wrapper.paramwise_cfg',
            {'custom_keys': {'neck': 3.5}},
            r'custom_keys.neck must be a dict, such as .* got 3.5',
        ),
        (
            'optim_wrapper.paramwise_cfg',
            {'custom_keys': {'a': {'lr_mult': None}}},
            r'custom_keys.a.lr_mult must be a number, got None',
        ),
        ('model.data_preprocessor', {'std': [0.0]}, r'std must not contain 0'),
        *(
            (
                'custom_hooks',
                [{'type': 'CollapseHook', 'priority': value}],
                r'custom_hooks\[0\].priority must be .* 0 \(first\) to 100, or one of',
            )
            for value in ('SOON', 101, 0.5)
        ),
    ],
)
def test_an_invalid_value_is_named(path: Any, value: Any, said: Any) -> None:
    cfg = read_recipe()
    owner = cfg
    *above, key = path.split('.')
    for name in above:
        owner = owner[name]
    owner[key] = value
    with pytest.raises(ConfigError, match=said):
        check(cfg)


def test_a_multiplier_needs_a_learning_rate() -> None:
    cfg = read_recipe()
    cfg.optim_wrapper.paramwise_cfg = {'custom_keys': {'a': {'lr_mult': 2}}}
    del cfg.optim_wrapper.optimizer['lr']
    with pytest.raises(ConfigError, match=r'optimizer.lr is missing, but .*lr_mult'):
        check(cfg)


@pytest.mark.parametrize('value', ['VERY_LOW', 7])
def test_a_hook_takes_a_priority(value: int | str) -> None:
    cfg = read_recipe()
    cfg.custom_hooks = [{'type': 'CollapseHook', 'priority': value}]
    check(cfg)


@pytest.mark.parametrize(
    'changes',
    [
        {'optim_wrapper.clip_grad': {'max_norm': 1.0}},
        {'optim_wrapper.clip_grad': {'type': 'value', 'clip_value': 1.0}},
        {'optim_wrapper.paramwise_cfg': {'norm_decay_mult': 0.0}},
        {'model.backbone.norm_cfg': {'type': 'SyncBN'}},
        {'model.cld.grouping': {'num_groups': 3}},
        {'log_processor': {'window_size': 1, 'by_epoch': True}},
    ],
)
def test_what_mmengine_takes_is_valid(changes: dict) -> None:
    cfg = read_recipe()
    cfg.merge_from_dict(changes)
    check(cfg)


def recipes() -> list:
    paths = sorted((ROOT / 'configs').rglob('*.py'))
    return [
        str(path.relative_to(ROOT / 'configs').with_suffix(''))
        for path in paths
        if not {'_base_', 'mmdetection'} & set(path.parts)
    ]


@pytest.mark.parametrize('name', recipes())
def test_every_recipe_is_valid(name: Any) -> None:
    check(read_recipe(name))


def test_a_missing_data_folder_says_how_to_prepare_it(tmp_path: Path) -> None:
    cfg = read_recipe()
    cfg.train_dataloader.dataset.data_root = str(tmp_path / 'fashion-mnist')
    with pytest.raises(FileNotFoundError, match=r'does not exist: run .*prepare.py'):
        check_data(cfg, 'train_dataloader')
