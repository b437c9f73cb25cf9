"""Parts outside cld_mm, used by a config, are treated as its own."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from mmengine.config import Config
from mmengine.runner import Runner

from cld_mm.config.check_structure import check_structure
from cld_mm.config.check_values import check_config
from cld_mm.config.error import ConfigError
from cld_mm.engine.build import build_runner
from cld_mm.engine.consistency.weight_checksums import shared_tensors
from tests.helpers import ROOT

FOLDER = ROOT / 'tests/plugin'


@pytest.fixture(autouse=True)
def _importable(monkeypatch: pytest.MonkeyPatch) -> None:
    """As ``PYTHONPATH=tests/plugin`` on the command line."""
    monkeypatch.syspath_prepend(str(FOLDER))


def read(work_dir: Path, **settings: Any) -> Config:
    cfg = Config.fromfile(FOLDER / 'config.py')
    cfg.work_dir, cfg.launcher = str(work_dir), 'none'
    cfg.visualizer.vis_backends = [{'type': 'LocalVisBackend'}]
    cfg.merge_from_dict({key.replace('__', '.'): v for key, v in settings.items()})
    return cfg


def train(work_dir: Path, **settings: Any) -> Runner:
    runner = build_runner(read(work_dir, **settings))
    runner.train()
    return runner


@pytest.fixture(scope='module')
def whole(tmp_path_factory: pytest.TempPathFactory) -> Runner:
    """A run of four epochs."""
    sys.path.insert(0, str(FOLDER))
    try:
        return train(tmp_path_factory.mktemp('whole'))
    finally:
        sys.path.remove(str(FOLDER))


def logged(runner: Runner, name: str) -> list[float]:
    (log,) = Path(runner.work_dir).glob('*/vis_data/scalars.json')
    records = [json.loads(line) for line in log.read_text().splitlines()]
    return [record[name] for record in records if name in record]


def test_the_config_is_valid(tmp_path: Path) -> None:
    cfg = read(tmp_path)
    check_structure(cfg)
    check_config(cfg)


@pytest.mark.parametrize(
    ('key', 'value', 'said'),
    [
        ('model.support_sizes', 3, r"NNCLR has no .* did you mean 'support_size'"),
        ('model.support_size', 'many', r"model.support_size must be int, got 'many'"),
        ('model.cld.grouping.num_group', 3, r"did you mean 'num_groups'"),
        ('train_dataloader.dataset.image', 3, r"Moons has no .* did you mean 'images'"),
        ('val_evaluator.type', 'ErrorRat', r"did you mean 'ErrorRate'"),
    ],
)
def test_a_wrong_setting_is_named(
    key: str, value: Any, said: str, tmp_path: Path
) -> None:
    cfg = read(tmp_path)
    cfg.merge_from_dict({key: value})
    with pytest.raises(ConfigError, match=said):
        check_config(cfg)


def test_a_missing_setting_is_named(tmp_path: Path) -> None:
    cfg = read(tmp_path)
    del cfg.model['support_size']
    with pytest.raises(ConfigError, match=r'support_size is missing: NNCLR'):
        check_config(cfg)


def test_the_metric_is_logged(whole: Runner) -> None:
    errors = logged(whole, 'knn_backbone/error')
    assert len(errors) == 2
    assert all(0 <= error <= 100 for error in errors)


def test_the_losses_of_grouping_and_memory_are_logged(whole: Runner) -> None:
    assert logged(whole, 'loss_instance')
    assert logged(whole, 'loss_cld')


def test_a_resumed_run_is_bit_exact(whole: Runner, tmp_path: Path) -> None:
    train(tmp_path, train_cfg__max_epochs=2)
    resumed = train(tmp_path, resume=True)
    assert resumed.epoch == 4
    expected = whole.model.state_dict()
    assert 'support.features' in expected
    for name, value in resumed.model.state_dict().items():
        assert torch.equal(value, expected[name]), name


def test_a_memory_that_is_not_finite_is_never_saved(tmp_path: Path) -> None:
    runner = train(tmp_path, train_cfg__max_epochs=1)
    runner.model.support.features[3, 1] = float('nan')
    with pytest.raises(FloatingPointError, match=r'support\.features'):
        runner.save_checkpoint(str(tmp_path), 'bad.pth')
    assert not (tmp_path / 'bad.pth').exists()


def test_a_loss_that_is_not_finite_stops_training(tmp_path: Path) -> None:
    with pytest.raises(FloatingPointError, match='not finite'):
        train(tmp_path, optim_wrapper__optimizer__lr=1e30)


def test_the_memory_is_compared_between_ranks(whole: Runner) -> None:
    assert 'support.features' in shared_tensors(whole.model)
    assert 'support.pointer' in shared_tensors(whole.model)


def test_a_step_that_is_taken_back_leaves_the_memory_as_it_was(whole: Runner) -> None:
    support = whole.model.support
    before = support.features.clone(), support.pointer.clone()
    support.start_recording()
    support.write(torch.ones(5, 8))
    assert not torch.equal(support.features, before[0])
    support.undo()
    assert torch.equal(support.features, before[0])
    assert torch.equal(support.pointer, before[1])
