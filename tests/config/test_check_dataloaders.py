"""Datasets need a pipeline, wherever in other datasets they are."""

from typing import Any

import pytest

from cld_mm.config.check_values import check_config
from cld_mm.config.error import ConfigError
from tests.helpers.recipes import read_recipe


def wrapped(inner: Any) -> dict:
    whole = {'type': 'SeededConcatDataset', 'datasets': [inner, dict(inner)]}
    return {'type': 'SeededRepeatDataset', 'dataset': whole, 'times': 2}


def test_datasets_in_others_may_have_the_pipeline() -> None:
    cfg = read_recipe()
    cfg.train_dataloader.dataset = wrapped(cfg.train_dataloader.dataset.to_dict())
    check_config(cfg)


def test_a_dataset_in_others_needs_a_pipeline() -> None:
    cfg = read_recipe()
    outer = wrapped(cfg.train_dataloader.dataset.to_dict())
    del outer['dataset']['datasets'][1]['pipeline']
    cfg.train_dataloader.dataset = outer
    where = r'train_dataloader.dataset.dataset.datasets\[1\].pipeline is missing'
    with pytest.raises(ConfigError, match=where):
        check_config(cfg)


@pytest.mark.parametrize('is_given', [True, False])
def test_an_outer_pipeline_is_enough(is_given: bool) -> None:
    cfg = read_recipe()
    inner = cfg.train_dataloader.dataset.to_dict()
    pipeline = inner.pop('pipeline')
    outer = {'type': 'HeldOut', 'part': 'fit', 'dataset': inner}
    cfg.train_dataloader.dataset = outer | ({'pipeline': pipeline} if is_given else {})
    if is_given:
        check_config(cfg)
    else:
        with pytest.raises(ConfigError, match=r'dataset.dataset.pipeline is missing'):
            check_config(cfg)
