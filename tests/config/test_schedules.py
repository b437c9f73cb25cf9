"""Schedules last as long as the training."""

from typing import Any

import pytest
from mmengine.config import Config

from cld_mm.config.command_line_overrides import merge_options
from cld_mm.config.error import ConfigError
from cld_mm.config.schedules import follow_length, length_mismatch, training_lengths
from tests.helpers.recipes import read_recipe


def changed(cfg: Config, options: Any) -> Any:
    before = training_lengths(cfg)
    merge_options(cfg, options)
    return follow_length(cfg, before, options)


def test_a_cosine_schedule_follows() -> None:
    cfg = read_recipe('mocov2_cld_r50_200e')
    notes = changed(cfg, {'train_cfg.max_epochs': 3})
    assert (cfg.param_scheduler.T_max, cfg.param_scheduler.end) == (3, 3)
    assert any('param_scheduler: T_max 200 -> 3' in note for note in notes)
    assert length_mismatch(cfg) is None


def test_a_warm_up_stays_and_the_cosine_after_it_follows() -> None:
    cfg = read_recipe('npid_r18_cifar10_200e')
    changed(cfg, {'train_cfg.max_epochs': 50})
    warm_up, cosine = cfg.param_scheduler
    assert (warm_up.begin, warm_up.end) == (0, 5)
    assert (cosine.begin, cosine.T_max, cosine.end) == (5, 45, 50)


def test_a_warm_up_longer_than_the_training_is_refused_and_the_advice_works() -> None:
    cfg = read_recipe('npid_r18_cifar10_200e')
    options = {'train_cfg.max_epochs': 3}
    with pytest.raises(ConfigError, match=r'param_scheduler.0.end is 5, .* set'):
        changed(cfg, options)
    cfg = read_recipe('npid_r18_cifar10_200e')
    changed(cfg, {**options, 'param_scheduler.0.end': 1, 'param_scheduler.1.begin': 1})
    assert (cfg.param_scheduler[1].T_max, cfg.param_scheduler[1].end) == (2, 3)


def test_what_the_user_sets_stays() -> None:
    cfg = read_recipe('mocov2_cld_r50_200e')
    options = {'train_cfg.max_epochs': 3, 'param_scheduler.T_max': 100}
    assert changed(cfg, options) == []
    assert (cfg.param_scheduler.T_max, cfg.param_scheduler.end) == (100, 200)


def test_milestones_keep_their_fraction() -> None:
    cfg = Config(
        {
            'train_cfg': {'max_epochs': 200},
            'param_scheduler': {'type': 'MultiStepLR', 'milestones': [120, 160]},
        }
    )
    changed(cfg, {'train_cfg.max_epochs': 100})
    assert cfg.param_scheduler.milestones == [60, 80]


def test_schedules_by_iterations_follow_iterations() -> None:
    cfg = Config(
        {
            'train_cfg': {'max_iters': 1000},
            'param_scheduler': [
                {'type': 'CosineAnnealingLR', 'T_max': 1000, 'by_epoch': False}
            ],
        }
    )
    changed(cfg, {'train_cfg.max_iters': 10})
    assert cfg.param_scheduler[0].T_max == 10


def test_a_schedule_for_another_length_is_left_alone_and_warned_of() -> None:
    cfg = read_recipe('mocov2_cld_r50_200e')
    cfg.param_scheduler.T_max = cfg.param_scheduler.end = 400
    assert changed(cfg, {'train_cfg.max_epochs': 3}) == []
    warning = length_mismatch(cfg)
    assert '400' in warning
    assert 'max_epochs is 3' in warning
    assert 'T_max=3' in warning


def test_a_schedule_that_begins_after_the_training_is_named() -> None:
    cfg = read_recipe('npid_r18_cifar10_200e')
    cfg.train_cfg.max_epochs = 1
    warning = length_mismatch(cfg)
    assert warning is not None
    assert 'begins at 5, but train_cfg.max_epochs is 1' in warning
    assert 'T_max=' not in warning
    cfg.param_scheduler[0].end = cfg.param_scheduler[1].begin = 0  # as it says
    assert 'set param_scheduler.1.T_max=1 ' in (length_mismatch(cfg) or '')
    cfg.param_scheduler[1].T_max = 1
    assert length_mismatch(cfg) is None


@pytest.mark.parametrize('name', ['mocov2_cld_r50_200e', 'npid_r18_cifar10_200e'])
def test_recipes_have_schedules_of_their_length(name: str) -> None:
    assert length_mismatch(read_recipe(name)) is None
