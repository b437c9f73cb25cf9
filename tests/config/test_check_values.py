"""Spoilt images and configs: a small form of tools/stress."""

import importlib.util
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cld_mm.config.annotation_types import accepts, misfit
from cld_mm.config.check_sections import check_sections
from cld_mm.config.locate_failing_part import blamed
from mmengine.config import Config

from cld_mm.config.check_values import check_config
from cld_mm.config.error import ConfigError
from cld_mm.registry import DATASETS, MODELS, TRANSFORMS
from tests.helpers import ROOT


def script(name: str) -> Any:
    spec = importlib.util.spec_from_file_location(
        name, ROOT / f'tools/stress/{name}.py'
    )
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def _here() -> Iterator[None]:
    """The script changes the working folder."""
    before = os.getcwd()
    yield
    os.chdir(before)


def test_spoilt_images_are_refused_or_right() -> None:
    counts = script('bad_images').run(images=400, seed=11)
    assert counts['images'] == counts['returned'] + counts['refused'] == 400
    faults = ('worker_crashes', 'hangs', 'silent_wrong', 'path_not_named')
    assert {name: counts[name] for name in faults} == dict.fromkeys(faults, 0)
    assert counts['returned'] > 40


def test_the_oracle_of_images_sees_a_wrong_one() -> None:
    """Were LoadImage to give a cut image, or one from elsewhere, it would count."""
    import numpy as np

    module = script('bad_images')
    data = module.bases(np.random.default_rng(0))[0]
    right = module.strict(data)[..., ::-1]
    assert not module.is_wrong(data, right)
    assert module.is_wrong(data, right[::-1])
    assert module.is_wrong(data[:-200], right)


@pytest.mark.usefixtures('_here')
def test_spoilt_configs_run_or_say_what_is_wrong() -> None:
    counts = script('bad_configs').run(configs=25, seed=11)
    assert counts['configs'] == 25
    assert counts['raw_tracebacks'] == counts['hangs'] == 0
    assert counts['key_not_named'] == 0
    assert counts['one_sentence'] > 10


def test_types_of_settings() -> None:
    for hint, good, bad in [
        (int, [1], [True, 1.5, '1', None, []]),
        (float, [1, 0.5], [False, '1', None, {}]),
        (bool, [True], [1, 'no', None]),
        (str, ['a'], [1, None, ['a']]),
        (int | None, [1, None], ['a', 0.5]),
        (list[int], [[], [1], (1, 2)], ['12', [0.5], 1, None]),
        (tuple[float, float], [(0.1, 1), [1, 2]], [(1,), (1, 2, 3), 'ab', 1]),
        (dict, [{}], [[], 'a', 1]),
        (Path, ['a', {'type': 'b'}], [1, None]),
    ]:
        for value in good:
            assert accepts(hint, value), (hint, value)
        for value in bad:
            assert not accepts(hint, value), (hint, value)

    class Part:
        def __init__(
            self, size: int, name: str = 'x', share: float = 0.5, flag: bool = False
        ) -> None: ...

    class Other:
        def __init__(self, size: int, data: 'Elsewhere') -> None: ...  # noqa: F821

    assert misfit(Other, 'size', '3') == 'int'
    assert misfit(Other, 'data', '3') is None
    assert misfit(Part, 'size', '3') == 'int'
    assert misfit(Part, 'name', 3) == 'str'
    assert misfit(Part, 'share', 'much') == 'a number'
    assert misfit(Part, 'flag', 'no') == 'bool'
    assert misfit(Part, 'unknown', 1) is None
    for key, value in {'size': 3, 'name': 'y', 'share': 1, 'flag': True}.items():
        assert misfit(Part, key, value) is None


def recipe(name: str = 'mocov2_cld_r18_fashionmnist_10e') -> Config:
    cfg = Config.fromfile(ROOT / f'configs/{name}.py')
    cfg.launcher = 'none'
    return cfg


TRAIN = 'train_dataloader.dataset'


@pytest.mark.parametrize(
    ('missing', 'changes', 'said'),
    [
        ('train_dataloader.dataset.pipeline', {}, rf'{TRAIN}.pipeline: it is missing'),
        ('', {f'{TRAIN}.pipeline': []}, rf'{TRAIN}.pipeline: it is empty'),
        ('', {'train_dataloader.num_workers': 10**5}, 'num_workers: 100000 processes'),
        ('', {f'{TRAIN}.pipeline': 3.5}, r'pipeline: it is 3.5, but must be a list'),
        (
            f'{TRAIN}.pipeline',
            {f'{TRAIN}.pipelinex': []},
            r"pipelinex: CheckedFashionMNIST has no setting .* did you mean 'pipeline'",
        ),
        (
            'val_cfg.train_dataloader.dataset.pipeline',
            {},
            r'val_cfg.train_dataloader.dataset.pipeline: it is missing',
        ),
        (
            'val_dataloader.collate_fn.type',
            {'val_dataloader.collate_fn.typo': 'default_collate'},
            r"collate_fn.type: it is missing \(is 'typo' a misspelt 'type'",
        ),
        (
            '',
            {'val_dataloader.collate_fn.type': 'default_colate'},
            r"collate_fn.type: no function is named .* mean 'default_collate'",
        ),
        ('', {'train_dataloader.collate_fn': None}, r'train_dataloader.collate_fn:'),
        ('train_dataloader.batch_size', {}, r'batch_size: it is 1 by default, but'),
        ('model.head.type', {}, r'model.head.type: it is missing'),
        (
            'default_hooks.checkpoint.type',
            {},
            r'default_hooks.checkpoint.type: it is missing',
        ),
        (
            'optim_wrapper.optimizer',
            {'optim_wrapper.optimizer': {}},
            r"optim_wrapper.optimizer: it is missing \(is 'optimizer' a misspelt",
        ),
        ('', {'train_dataloader.drop_last': 'no'}, r"drop_last: it is 'no', but must"),
        ('', {'model.backbone': None}, r'model.backbone: it is None, but must be a p'),
        ('', {'train_cfg.val_interval': 0}, r'train_cfg.val_interval: it is 0, but'),
        ('', {'train_cfg.max_epochs': -2}, r'train_cfg.max_epochs: it is -2, but'),
        (
            '',
            {'optim_wrapper.paramwise_cfg': {'custom_keys': {'neck': 3.5}}},
            r'paramwise_cfg.custom_keys.neck: it is 3.5, but must be a dict',
        ),
        (
            '',
            {'optim_wrapper.paramwise_cfg': {'custom_keys': {'a': {'lr_mult': None}}}},
            r'custom_keys.a.lr_mult: it is None, but must be a number',
        ),
        (
            'optim_wrapper.optimizer.lr',
            {'optim_wrapper.paramwise_cfg': {'custom_keys': {'a': {'lr_mult': 2}}}},
            r'optimizer.lr: it is missing, but .*custom_keys.a.lr_mult multiplies',
        ),
        (
            '',
            {'optim_wrapper.optimizer.lrr': 0.1},
            r"optimizer.lrr: SGD has no setting 'lrr'; did you mean 'lr'",
        ),
        ('', {'optim_wrapper.optimizer.lr': float('nan')}, 'lr: it is nan, but must'),
        ('', {'model.queue_lenght': 5}, r"model.queue_lenght: .* mean 'queue_len'"),
        ('', {'model.type': 'MoCoo'}, r"model.type: .* did you mean 'MoCo'"),
        ('', {'train_dataloader.batch_size': 1}, 'it is 1, but at least 2 images'),
        ('', {'randomness.sead': 1}, r"randomness.sead: .* did you mean 'seed'"),
        (
            '',
            {'val_cfg.type': 'Accuracy'},
            r"val_cfg.type: no loop is named 'Accuracy', which is among the metrics",
        ),
        ('', {'optim_wrapper.optimizer.type': 'Q'}, r"named 'Q': if .* custom_imports"),
        *(
            (
                '',
                {'custom_hooks': [{'type': 'CollapseHook', 'priority': value}]},
                r'custom_hooks\[0\].priority: it is .* 0 \(first\) to 100, or one of',
            )
            for value in ('SOON', 101, 0.5)
        ),
    ],
)
def test_sentences_on_spoilt_configs(missing: Any, changes: Any, said: Any) -> None:
    def check(cfg: Any) -> None:
        check_sections(cfg)
        check_config(cfg)

    cfg = recipe()
    check(cfg)
    if missing:
        owner, _, key = missing.rpartition('.')
        part = cfg
        for name in owner.split('.'):
            part = part[name]
        del part[key]
    cfg.merge_from_dict(changes)
    with pytest.raises(ConfigError, match=said):
        check(cfg)


@pytest.mark.parametrize('value', ['VERY_LOW', 7])
def test_a_hook_takes_a_priority(value: int | str) -> None:
    cfg = recipe()
    cfg.custom_hooks = [{'type': 'CollapseHook', 'priority': value}]
    check_config(cfg)


@pytest.mark.parametrize('wrapped', [False, True])
def test_a_data_set_within_others_needs_a_pipeline(wrapped: bool) -> None:
    cfg = recipe()
    inner = cfg.train_dataloader.dataset.to_dict()
    whole = {'type': 'SeededConcatDataset', 'datasets': [inner, dict(inner)]}
    twice = {'type': 'SeededRepeatDataset', 'dataset': whole, 'times': 2}
    cfg.train_dataloader.dataset = twice
    check_config(cfg)
    held = {'type': 'HeldOut', 'part': 'fit', 'dataset': dict(inner)}
    del held['dataset']['pipeline']
    if wrapped:
        cfg.train_dataloader.dataset = {**held, 'pipeline': inner['pipeline']}
        check_config(cfg)
        cfg.train_dataloader.dataset, said = held, rf'{TRAIN}.dataset.pipeline: it is m'
    else:
        del whole['datasets'][1]['pipeline']
        said = rf'{TRAIN}.dataset.datasets\[1\].pipeline: it is missing'
        cfg.train_dataloader.dataset = twice
    with pytest.raises(ConfigError, match=said):
        check_config(cfg)


def caught(work: Any) -> Exception:
    with pytest.raises(Exception) as found:  # noqa: PT011 whatever the part raises
        work()
    return found.value


def test_the_part_that_is_spoilt_is_blamed_among_several_of_its_type(
    digits: Path,
) -> None:
    cfg = recipe()
    # Left-over variables of a Python config hold the sound form of the same parts.
    assert cfg.train_pipeline[0].type == 'SeededMultiView'
    view = cfg.train_dataloader.dataset.pipeline[0].transforms[0]
    place = next(n for n, part in enumerate(view) if 'RandomResizedCrop' in part.type)
    view[place].scale = (-1.4, -1.0)
    error = caught(lambda: TRANSFORMS.build(view[place])({'img': picture()}))
    where = f'train_dataloader.dataset.pipeline[0].transforms[0][{place}] ('
    assert blamed(error, cfg).startswith(where)
    assert '-1.4' in blamed(error, cfg)

    cfg = recipe()
    third = cfg.val_cfg.train_dataloader.dataset
    cfg.train_dataloader.dataset.data_root = str(digits)
    del third['data_root']
    error = caught(lambda: DATASETS.build(third))
    assert blamed(error, cfg).startswith('val_cfg.train_dataloader.dataset (')


def test_a_batch_larger_than_the_data_set_blames_its_loader(digits: Path) -> None:
    from mmengine.registry import DefaultScope

    from cld_mm.engine.runner import ResumableRunner

    DefaultScope.get_instance('bad inputs', scope_name='cld_mm')
    cfg = recipe()
    for loader in (cfg.train_dataloader, cfg.val_dataloader):
        loader.dataset.update(data_root=str(digits), indices=48)
        loader.batch_size, loader.drop_last = 49, True
    for name in ('train_dataloader', 'val_dataloader'):
        error = caught(
            lambda at=cfg[name]: ResumableRunner.build_dataloader(at, seed=0)
        )
        assert blamed(error, cfg).startswith(f'{name} (')


def test_the_layer_that_is_spoilt_is_blamed_and_not_its_twin() -> None:
    import torch
    from mmpretrain.structures import DataSample

    cfg = recipe('byol_r18_fashionmnist_10e')
    assert cfg.model.head.predictor.type == cfg.model.neck.type
    cfg.model.head.predictor.in_channels = 17
    views = [torch.rand(4, 1, 8, 8) for _ in range(2)]
    error = caught(lambda: MODELS.build(cfg.model).loss(views, [DataSample()] * 4))
    assert blamed(error, cfg).startswith('model.head.predictor (')


def test_features_and_rows_of_other_sizes_are_told() -> None:
    import torch

    from cld_mm.models.losses import bank_softmax_loss, info_nce

    features, rows = torch.rand(4, 5), torch.rand(7, 6)
    for loss in (
        lambda: info_nce(features, features, rows, 0.2),
        lambda: bank_softmax_loss(features, rows, torch.arange(4), 0.2),
    ):
        with pytest.raises(ValueError, match=r'size 5, but .* 6: set model.feat_dim'):
            loss()


def picture() -> Any:
    from PIL import Image

    return Image.new('L', (28, 28))


def test_the_judge_wants_section_and_key() -> None:
    named = script('bad_configs').is_named
    path = ['val_dataloader', 'collate_fn', 'type']
    assert named('val_dataloader.collate_fn.type: it is missing', path)
    assert not named("no callable [in val_cfg (type='KNNLoop')]", path)
    path = ['val_cfg', 'train_dataloader', 'dataset', 'data_root']
    assert not named('set data_root [in train_dataloader.dataset (...)]', path)
    assert named('model: it is -1, but must be a dict.', ['model'])


def test_a_pooling_is_not_blamed_for_the_size_it_hands_on() -> None:
    import torch
    from mmpretrain.structures import DataSample

    cfg = recipe('benchmarks/linear/linear_r18_fashionmnist')
    cfg.model.backbone.update(base_channels=4, stem_channels=4, init_cfg=None)
    assert cfg.model.neck == {'type': 'GlobalAveragePooling'}
    model = MODELS.build(cfg.model)
    samples = [DataSample().set_gt_label(0)] * 2
    error = caught(lambda: model.loss(torch.rand(2, 1, 8, 8), samples))
    assert blamed(error, cfg).startswith('model.head (')
    assert 'behind model.backbone (' in blamed(error, cfg)


def test_every_loader_gets_the_same_defaults() -> None:
    from types import SimpleNamespace

    from cld_mm.cli.run_tool import set_loader_defaults

    cfg = recipe()
    inner = cfg.val_cfg.train_dataloader
    del inner['collate_fn']
    set_loader_defaults(cfg, SimpleNamespace(no_pin_memory=True), persistent=False)
    assert inner.collate_fn.type == 'default_collate'
    assert inner.pin_memory is inner.persistent_workers is False
