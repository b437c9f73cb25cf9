"""Settings changed since the checkpoint are applied, or refused with both values."""

from pathlib import Path
from typing import Any

import pytest
import torch

from cld_mm.engine.checkpoint import CheckpointError
from cld_mm.engine.checkpoint.resume_settings import ResumePlan
from tests.helpers.tiny_runs import COSINE, make_runner, train


def rates(runner: Any) -> list[float]:
    return [values[0] for (_, batch), values in runner.noted.items() if batch == 0]


def test_a_longer_cosine_continues_at_its_epoch(tmp_path: Path) -> None:
    train(tmp_path, 2)
    longer = {**COSINE, 'T_max': 6, 'end': 6}
    resumed = train(tmp_path, 6, resume=True, param_scheduler=[longer])
    assert rates(resumed) == pytest.approx([0.0225, 0.015, 0.0075, 0.0020], abs=1e-4)


SCHEDULES: dict[str, list[dict[str, Any]]] = {
    'cosine': [{**COSINE, 'T_max': 6, 'end': 6}],
    'steps': [{'type': 'MultiStepLR', 'milestones': [1, 3, 4], 'by_epoch': True}],
    'exponential': [{'type': 'ExponentialLR', 'gamma': 0.7, 'by_epoch': True}],
    'polynomial': [{'type': 'PolyLR', 'power': 2, 'eta_min': 1e-4, 'end': 5}],
    'constant': [],
    'warm-up by iterations': [
        {'type': 'LinearLR', 'start_factor': 0.1, 'by_epoch': False, 'end': 8},
        {
            'type': 'CosineAnnealingLR',
            'T_max': 4,
            'begin': 3,
            'end': 6,
            'by_epoch': True,
            'convert_to_iter_based': True,
        },
    ],
    'epochs and iterations': [
        {'type': 'StepLR', 'step_size': 2, 'by_epoch': True},
        {'type': 'ExponentialLR', 'gamma': 0.99, 'by_epoch': False},
    ],
    'momentum': [{'type': 'LinearMomentum', 'start_factor': 0.5, 'end': 5}],
}


@pytest.mark.slow
@pytest.mark.parametrize('name', SCHEDULES)
@pytest.mark.parametrize('iteration', [False, True], ids=['epoch', 'within an epoch'])
def test_a_new_schedule_is_that_of_a_run_that_had_it_all_along(
    name: str, iteration: bool, tmp_path: Path
) -> None:
    changes = {
        'param_scheduler': SCHEDULES[name],
        'optim_wrapper__optimizer__lr': 0.02,
    }
    whole = train(tmp_path / 'whole', 6, **changes)
    train(tmp_path / 'parts', 2, default_hooks__checkpoint__every_iters=1)
    folder = tmp_path / 'parts'
    if iteration:
        (folder / 'epoch_2.pth').unlink()
        (folder / 'iter_6.pth').unlink()
    resumed = train(folder, 6, resume=True, **changes)
    assert len(resumed.noted) == 12 + iteration
    for place, values in resumed.noted.items():
        assert values == pytest.approx(whole.noted[place], rel=1e-12), place


@pytest.mark.parametrize(
    ('key', 'value', 'position'),
    [('lr', 0.003, 0), ('weight_decay', 0.5, 1), ('momentum', 0.7, 2)],
)
def test_optimizer_settings_are_applied(
    key: str, value: float, position: int, tmp_path: Path
) -> None:
    constant: dict[str, Any] = {'param_scheduler': []}
    train(tmp_path, 1, **constant)
    changes = {f'optim_wrapper__optimizer__{key}': value}
    resumed = train(tmp_path, 2, resume=True, **constant, **changes)
    assert {values[position] for values in resumed.noted.values()} == {value}


def test_the_checkpoint_settings_are_kept_on_request(tmp_path: Path) -> None:
    train(tmp_path, 2, param_scheduler=[{**COSINE, 'T_max': 6, 'end': 6}])
    resumed = train(
        tmp_path,
        4,
        resume=True,
        optim_wrapper__optimizer__lr=1.0,
        optim_wrapper__optimizer__weight_decay=0.5,
        resume_settings='checkpoint',
        param_scheduler=[COSINE],
    )
    assert rates(resumed) == pytest.approx([0.0225, 0.015])
    assert {values[1] for values in resumed.noted.values()} == {0.1}


def test_a_batch_size_keeps_the_schedule_of_the_epochs(tmp_path: Path) -> None:
    cosine = [{**COSINE, 'T_max': 4, 'end': 4, 'convert_to_iter_based': True}]
    train(tmp_path / 'parts', 2, param_scheduler=cosine)
    whole = train(
        tmp_path / 'whole', 4, param_scheduler=cosine, train_dataloader__batch_size=2
    )
    resumed = train(
        tmp_path / 'parts',
        4,
        resume=True,
        param_scheduler=cosine,
        train_dataloader__batch_size=2,
    )
    assert len(resumed.noted) == 12
    for place, values in resumed.noted.items():
        assert values == pytest.approx(whole.noted[place], rel=1e-12)


def test_a_model_setting_is_applied(tmp_path: Path) -> None:
    train(tmp_path, 1)
    resumed = train(tmp_path, 2, resume=True, model__factor=2.0)
    assert resumed.model.factor == 2.0


def test_a_seed_is_applied(tmp_path: Path) -> None:
    train(tmp_path, 1)
    assert train(tmp_path, 2, resume=True, randomness__seed=5).seed == 5


def test_an_unchanged_run_is_bit_exact(tmp_path: Path) -> None:
    settings = {'param_scheduler': SCHEDULES['warm-up by iterations']}
    whole = train(tmp_path / 'whole', 4, **settings)
    train(tmp_path / 'parts', 2, **settings)
    resumed = train(tmp_path / 'parts', 4, resume=True, **settings)
    assert torch.equal(whole.model.layer.weight, resumed.model.layer.weight)
    assert resumed.noted == {k: whole.noted[k] for k in resumed.noted}


@pytest.mark.parametrize(
    ('changes', 'both_values'),
    [
        ({'model__queue_len': 5}, 'model.queue_len: not set in the checkpoint, 5 now'),
        (
            {'optim_wrapper__optimizer': {'_delete_': True, 'type': 'AdamW', 'lr': 1}},
            "optimizer.type: 'SGD' in the checkpoint, 'AdamW' now",
        ),
        (
            {'optim_wrapper__paramwise_cfg': {'bias_decay_mult': 0.0}},
            'bias_decay_mult: not set in the checkpoint, 0.0 now',
        ),
        (
            {'param_scheduler': [{'type': 'ReduceOnPlateauLR', 'monitor': 'a'}]},
            'ReduceOnPlateauLR depends on past results',
        ),
        (
            {'resume_settings': 'checkpoint', 'train_dataloader__batch_size': 3},
            'batch_size: 4 in the checkpoint, 3 now',
        ),
        (
            {'resume_settings': 'checkpoint', 'model__factor': 3.0},
            'model.factor: not set in the checkpoint, 3.0 now',
        ),
    ],
)
def test_what_cannot_be_applied_is_refused_with_both_values(
    changes: dict[str, Any], both_values: str, tmp_path: Path
) -> None:
    train(tmp_path, 1)
    runner = make_runner(tmp_path, 2, resume=True, **changes)
    with pytest.raises(CheckpointError) as refused:
        runner.train()
    assert both_values in str(refused.value)


def runner_with_optimizer(runner: Any) -> Any:
    runner.optim_wrapper = runner.build_optim_wrapper(runner.optim_wrapper)
    runner.param_schedulers = runner.build_param_scheduler(runner.param_schedulers)
    return runner


def test_other_workers_are_no_change(tmp_path: Path) -> None:
    train(tmp_path, 1)
    runner = make_runner(tmp_path, 2, resume=True, train_dataloader__num_workers=1)
    changes = ResumePlan(runner_with_optimizer(runner), str(tmp_path / 'epoch_1.pth'))
    assert changes.changes == {'train_cfg.max_epochs': ('1', '2')}
