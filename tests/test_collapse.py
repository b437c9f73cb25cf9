"""A run that collapses is noticed; one that does not is left alone."""

from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from cld_mm.engine.hooks import CollapseHook
from cld_mm.models.algorithms.base import feature_std


@pytest.mark.parametrize('repel', [0.0, 1.0])
@pytest.mark.parametrize(('steps', 'lr'), [(100, 0.05), (300, 0.01), (1100, 0.005)])
def test_attraction_alone_collapses_and_is_noticed(
    steps: int, lr: float, repel: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = []
    monkeypatch.setattr(
        'cld_mm.engine.hooks.collapse.print_log',
        lambda text, *_, **__: said.append(text),
    )
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(8, 32), nn.ReLU(), nn.Linear(32, 16))
    optimizer = torch.optim.Adam(net.parameters(), lr=lr)
    hook, runner = CollapseHook(), SimpleNamespace(iter=0, max_iters=steps)
    hook.before_train(runner)
    for step in range(steps):
        images = torch.randn(32, 8)
        a, b = (
            F.normalize(net(images + 0.5 * torch.randn(32, 8)), dim=1) for _ in range(2)
        )
        loss = -(a * b).sum(1).mean() + repel * (a @ b.t()).exp().mean().log()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        runner.iter = step
        hook.after_train_iter(runner, step, None, {'feature_std': feature_std(a)})
    assert bool(said) == (repel == 0)
    assert len(said) <= 1


# What MoCo v2 does on Fashion-MNIST: down to a collapse's figure, and back.
DIP = [0.06, 0.003, 0.003, 0.004, 0.012, 0.03, 0.05, 0.07, 0.08, 0.08]


@pytest.mark.parametrize(
    ('total', 'values', 'said'),
    [
        (10, [0.0] * 10, [10]),
        (100, [0.0] * 10, [100]),
        (100, [*DIP[:5], 0.02, *[0.0] * 4], []),  # recovered: not a collapse all along
        (100, DIP, []),
        (1000, DIP, []),
        (1560, DIP, []),
        (1560, [0.0] * 10, [1014]),
        (1560, [*DIP[:8], 0.0, 0.0], [1326]),
        (100_000, [0.0] * 10, [1100]),
    ],
)
def test_looks_fit_the_length_of_the_run(
    total: int, values: Any, said: list, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr('cld_mm.engine.hooks.collapse.print_log', lambda *_, **__: None)
    hook, found = CollapseHook(), []
    hook.before_train(SimpleNamespace(max_iters=total))
    for step in range(min(total, 2000)):
        runner = SimpleNamespace(iter=step)
        value = torch.tensor(values[10 * step // total])
        hook.after_train_iter(runner, 0, None, {'feature_std': value})
        if hook.warned and not found:
            found = [step + 1]
    assert found == said
