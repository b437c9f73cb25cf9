"""A few invalid configs through the stress test, and its judge."""

import os
from collections.abc import Iterator
from typing import Any

import pytest

from tests.helpers.run_tools import load_program


@pytest.fixture
def bad_configs() -> Iterator[Any]:
    """The program as a module; it changes the working folder."""
    before = os.getcwd()
    yield load_program('tools/stress/bad_configs.py')
    os.chdir(before)


@pytest.mark.slow
def test_invalid_configs_run_or_say_what_is_wrong(bad_configs: Any) -> None:
    counts = bad_configs.run(configs=25, seed=11)
    assert counts['configs'] == 25
    assert counts['raw_tracebacks'] == counts['hangs'] == 0
    assert counts['key_not_named'] == 0
    assert counts['one_line'] > 10


@pytest.mark.parametrize(
    ('error', 'path'),
    [
        (
            'val_dataloader.collate_fn.type is missing',
            ['val_dataloader', 'collate_fn', 'type'],
        ),
        ('model must be a dict, got -1.', ['model']),
        ('optim_wrapper.optimizer.lr must be float', ['optim_wrapper', 'lr']),
    ],
)
def test_a_message_with_section_and_key_names_them(
    bad_configs: Any, error: str, path: list
) -> None:
    assert bad_configs.is_named(error, path)


@pytest.mark.parametrize(
    ('error', 'path'),
    [
        (
            "no callable [in val_cfg (type='KNNLoop')]",
            ['val_dataloader', 'collate_fn', 'type'],
        ),
        (
            'set data_root [in train_dataloader.dataset (...)]',
            ['val_cfg', 'train_dataloader', 'dataset', 'data_root'],
        ),
        ('optim_wrapper: no color', ['optim_wrapper', 'optimizer', 'lr']),
        ('optim_wrapper.optimizer is wrong', ['optim_wrapper', 'optimizer', 'lr']),
        ('models are missing', ['model']),
    ],
)
def test_a_message_without_section_or_key_does_not(
    bad_configs: Any, error: str, path: list
) -> None:
    assert not bad_configs.is_named(error, path)
