"""TimeBudgetHook: as many epochs as fit, and a cosine that ends with them."""

import itertools
import math
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from mmengine.optim import CosineAnnealingLR

from cld_mm.engine.hooks import time_budget
from cld_mm.engine.hooks.time_budget import ELAPSED, TimeBudgetHook, stretch_cosine

ITERATIONS = 4


def cosine(steps: int) -> tuple[torch.optim.Optimizer, CosineAnnealingLR]:
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    return optimizer, CosineAnnealingLR(optimizer, T_max=steps, begin=0, end=steps)


@given(st.integers(10, 200), st.floats(0.1, 0.9), st.integers(8, 300))
def test_a_stretched_cosine_goes_on_where_it_is_and_ends_at_zero(
    steps: int, progress: float, remaining: int
) -> None:
    optimizer, scheduler = cosine(steps)
    for _ in range(round(progress * steps)):
        optimizer.step()
        scheduler.step()
    before = optimizer.param_groups[0]['lr']
    stretch_cosine(scheduler, remaining)
    rates = [before]
    for _ in range(remaining):
        optimizer.step()
        scheduler.step()
        rates.append(optimizer.param_groups[0]['lr'])
    falls = [a - b for a, b in itertools.pairwise(rates)]
    assert min(falls) >= -1e-9
    assert max(falls) <= 4 / remaining  # no jump
    # mmengine's last step is the one before the zero.
    last = (1 + math.cos(math.pi * (1 - 1 / scheduler.T_max))) / 2
    assert rates[-1] == pytest.approx(last, rel=0.4, abs=1e-3)


class Clock:
    """Seconds of each epoch, as the hook's clock."""

    def __init__(self) -> None:
        self.now = 100.0

    def monotonic(self) -> float:
        return self.now


def run(
    hook: TimeBudgetHook,
    clock: Clock,
    planned: int,
    speed: Any,
    known: dict | None = None,
) -> tuple[int, float]:
    """Epochs that were trained, and the last learning rate."""
    optimizer, scheduler = cosine(planned * ITERATIONS)
    hub = SimpleNamespace(runtime_info=known or {})
    hub.update_info = lambda name, value: hub.runtime_info.update({name: value})
    loop = SimpleNamespace(_max_epochs=planned, _max_iters=planned * ITERATIONS)
    runner = SimpleNamespace(
        message_hub=hub,
        epoch=0,
        max_epochs=planned,
        train_loop=loop,
        train_dataloader=range(ITERATIONS),
        param_schedulers=[scheduler],
        model=torch.nn.Linear(1, 1),
        logger=SimpleNamespace(info=lambda text: None),
    )
    hook.before_train(runner)
    while runner.epoch < loop._max_epochs:
        for _ in range(ITERATIONS):
            optimizer.step()
            scheduler.step()
        clock.now += speed(runner.epoch)
        hook.after_train_epoch(runner)
        runner.epoch += 1
        runner.max_epochs = loop._max_epochs
    return runner.epoch, optimizer.param_groups[0]['lr']


SPEEDS = {
    'as planned': (lambda epoch: 10.0, 10),
    'half as fast': (lambda epoch: 20.0, 5),
    'twice as fast': (lambda epoch: 5.0, 20),
    'slower and slower': (lambda epoch: 10.0 + 5 * epoch, None),
}


@pytest.mark.parametrize('name', SPEEDS)
def test_training_ends_with_the_time(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock()
    monkeypatch.setattr(time_budget, 'time', clock)
    speed, epochs = SPEEDS[name]
    trained, rate = run(TimeBudgetHook(100.0), clock, 10, speed)
    if epochs is not None:
        assert trained == epochs
    last = speed(trained - 1)
    assert 100 - last <= clock.now - 100 <= 100 + last
    assert rate < 0.1 * (1 if epochs else 2)


def test_the_time_before_an_interruption_counts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock = Clock()
    monkeypatch.setattr(time_budget, 'time', clock)
    known = {ELAPSED: 60.0}
    trained, _ = run(TimeBudgetHook(100.0), clock, 10, lambda epoch: 10.0, known)
    assert trained == 4


def test_no_time_is_refused() -> None:
    with pytest.raises(ValueError, match='above 0'):
        TimeBudgetHook(0)
