"""A signal stops an evaluation between chunks."""

import os
import signal
from pathlib import Path
from typing import Any, ClassVar

import pytest
import torch
from mmengine.hooks import Hook
from mmengine.runner import Runner

from cld_mm.engine.build import build_runner
from cld_mm.engine.checkpoint import (
    StoppedBySignal,
)
from cld_mm.evaluation.functional import knn
from tools.stress import small_configs


def test_a_signal_ends_a_vote_of_knn_between_its_chunks(
    digits: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(knn, 'ROWS', 5)
    stop_at = (2, 5)

    class Stop(Hook):
        priority = 'VERY_HIGH'
        seen: ClassVar = []

        def after_features(self, runner: Runner, batch_idx: int, batches: Any) -> None:
            self.seen.append((batch_idx, batches))
            if (batch_idx, batches) == stop_at:
                os.kill(os.getpid(), signal.SIGTERM)

    cfg = small_configs.config(
        'moco', tmp_path, digits, epochs=1, train_dataloader__batch_size=12
    )
    cfg.train_cfg.val_interval = 1
    cfg.experiment_name = f'vote-{tmp_path.name}'
    runner = build_runner(cfg)
    runner.register_hook(Stop())
    with pytest.raises(StoppedBySignal, match='after iteration 2') as stopped:
        runner.train()
    assert stopped.value.code == 75
    assert Stop.seen[-1] == stop_at
    assert len(Stop.seen) == 6
    saved = torch.load(tmp_path / 'iter_2.pth', weights_only=True)
    assert not saved['meta']['validated']
