"""A time instead of a number of epochs: how many fit, and when it is refused."""

import time

import pytest

from cld_mm.apis.pretraining import time_budget
from cld_mm.apis.pretraining.plan import Plan
from cld_mm.apis.pretraining.time_budget import epochs_in


def plan_of(size: int) -> Plan:
    plan = Plan(['photos'], 400, 'mocov2-cld', 'resnet18', {'type': 'ResNet'})
    plan.size, plan.batch_size = size, 100
    return plan


def planned(
    monkeypatch: pytest.MonkeyPatch,
    plan: Plan,
    per_iteration: float,
    may_shrink: bool = True,
) -> int:
    """Epochs in 100 s where an epoch has four iterations."""
    monkeypatch.setattr(time_budget, 'trial_speed', lambda cfg, limit: per_iteration)
    return epochs_in(None, plan, 100, time.monotonic(), lambda line: None, may_shrink)


def test_fast_runs_keep_their_size(monkeypatch: pytest.MonkeyPatch) -> None:
    plan = plan_of(96)
    assert planned(monkeypatch, plan, 1.0) > 10
    assert plan.size == 96


def test_views_shrink_where_no_epoch_fits_otherwise(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    plan = plan_of(96)
    assert planned(monkeypatch, plan, 30.0) == 1
    assert plan.size == 64
    assert plan.reasons['size']


@pytest.mark.parametrize(
    ('size', 'per_iteration', 'may_shrink'),
    [(96, 30.0, False), (96, 90.0, True), (64, 30.0, True)],
)
def test_what_cannot_fit_is_refused(
    size: int, per_iteration: float, may_shrink: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ValueError, match='too short for one epoch'):
        planned(monkeypatch, plan_of(size), per_iteration, may_shrink)


def test_a_time_that_preparation_used_up_is_refused_before_measuring() -> None:
    long_ago = time.monotonic() - 50
    with pytest.raises(ValueError, match='preparation alone took 50 s'):
        epochs_in(None, plan_of(96), 55, long_ago, lambda line: None)
