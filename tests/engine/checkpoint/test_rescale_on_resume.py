"""Resumed with other batches an epoch: schedules end where the plain run's do."""

import math
from pathlib import Path
from typing import Any

import pytest
import torch
from mmengine.hooks import Hook
from mmengine.runner import Runner

from cld_mm.engine.build import build_runner
from cld_mm.models.utils.momentum_encoder import MomentumEncoder
from tools.stress import small_configs as small


class Note(Hook):
    """Learning rate, weight of the average, and estimated seconds, each iteration."""

    def __init__(self) -> None:
        self.rates: list[float] = []
        self.shares: list[float] = []
        self.left: list[float] = []

    def before_train_iter(
        self, runner: Runner, batch_idx: int, data_batch: Any = None
    ) -> None:
        self.rates.append(runner.optim_wrapper.get_lr()['lr'][0])
        encoders = [m for m in runner.model.modules() if isinstance(m, MomentumEncoder)]
        self.shares += [encoder.current_momentum() for encoder in encoders]

    def after_train_iter(
        self,
        runner: Runner,
        batch_idx: int,
        data_batch: Any = None,
        outputs: Any = None,
    ) -> None:
        self.left.append(runner.message_hub.get_info('eta'))


def train(folder: Path, data: Any, batch_size: Any, **changes: Any) -> tuple:
    cfg = small.config(
        'byol_cld',
        folder,
        data,
        epochs=2,
        train_dataloader__batch_size=batch_size,
        train_cfg__val_begin=9,
        default_hooks__logger__interval=1,
        default_hooks__checkpoint__keep_recent=9,
        **changes,
    )
    note = Note()
    runner = build_runner(cfg)
    runner.register_hook(note, priority='LOW')
    runner.train()
    return runner, note


@pytest.mark.slow
def test_schedules_go_on_at_the_same_share(digits: Path, tmp_path: Path) -> None:
    first, _ = train(tmp_path / 'first', digits, 6)  # 4 batches an epoch
    base = first.optim_wrapper.param_groups[0]['initial_lr']
    share = next(m.momentum for m in first.model.momentum_encoders())

    def cosine(steps: torch.Tensor, total: int) -> torch.Tensor:
        return (1 + torch.cos(torch.pi * steps / total)) / 2

    # After an epoch with more batches; inside one with fewer; with accumulation.
    for name, batch, counts, place in (
        ('epoch_1', 3, 1, 8),
        ('iter_6', 12, 1, 3),
        ('iter_6', 12, 2, 3),
    ):
        runner, note = train(
            tmp_path / f'{name}_{batch}_{counts}',
            digits,
            batch,
            resume=True,
            load_from=str(tmp_path / f'first/{name}.pth'),
            optim_wrapper__accumulative_counts=counts,
        )
        total = 2 * 24 // batch
        assert runner.iter == total
        iterations = torch.arange(place, total)
        # The recipe's cosine ends after ten epochs; a step of the old schedule apart.
        expected = base * cosine(iterations, 10 * 24 // batch)
        gap = (torch.tensor(note.rates) - expected).abs()
        assert gap.max() < base * math.pi / 2 / (10 * 4)
        wanted = share * cosine(iterations // counts, -(-total // counts))
        torch.testing.assert_close(torch.tensor(note.shares), wanted)
        assert min(note.left) >= 0
        assert max(note.left) < 3600
