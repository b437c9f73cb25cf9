"""ResumableSwAVHook: frozen prototypes do not stop several ranks."""

from pathlib import Path
from typing import Any

import torch
from mmengine.hooks import Hook
from torch.nn import functional as F

from cld_mm.engine.build import build_runner
from tools.stress import small_configs


class Prototypes(Hook):
    """Notes the prototypes of each iteration, and whether they ask for gradients."""

    def __init__(self) -> None:
        self.asked: list[bool] = []
        self.values: list[torch.Tensor] = []

    def before_train_iter(
        self, runner: Any, batch_idx: int, data_batch: Any = None
    ) -> None:
        weight = runner.model.head.loss_module.prototypes.weight
        self.asked.append(weight.requires_grad)
        self.values.append(F.normalize(weight.detach().clone(), dim=1))


def test_frozen_prototypes_keep_asking_for_gradients(
    digits: Path, tmp_path: Path
) -> None:
    size = {'train_dataloader__batch_size': 4}  # 6 iterations; frozen in the first 3
    runner = build_runner(
        small_configs.config('swav_cld', tmp_path, digits, epochs=1, **size)
    )
    noted = Prototypes()
    runner.register_hook(noted, priority='LOWEST')
    runner.train()
    assert noted.asked == [True] * 6
    for value in noted.values[1:4]:
        torch.testing.assert_close(value, noted.values[0])
    assert (noted.values[5] - noted.values[0]).abs().max() > 1e-5
