"""A run that collapses is noticed; one that does not is left alone."""

from types import SimpleNamespace

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from cld_mm.engine.hooks import CollapseHook
from cld_mm.models.algorithms.base import feature_std


@pytest.mark.parametrize('repel', [0.0, 1.0])
def test_attraction_alone_collapses_and_is_noticed(repel, monkeypatch):
    said = []
    monkeypatch.setattr(
        'cld_mm.engine.hooks.collapse.print_log',
        lambda text, *_, **__: said.append(text),
    )
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(8, 32), nn.ReLU(), nn.Linear(32, 16))
    optimizer = torch.optim.Adam(net.parameters(), lr=0.01)
    hook, runner = CollapseHook(begin=100, interval=20), SimpleNamespace(iter=0)
    for step in range(300):
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
