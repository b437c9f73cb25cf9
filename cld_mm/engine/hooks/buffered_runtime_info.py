"""BufferedRuntimeInfoHook: reads logged losses every few iterations, all at once."""

import math
from typing import Any

import torch
from mmengine.hooks import LoggerHook, RuntimeInfoHook
from torch import Tensor

from cld_mm.registry import HOOKS


@HOOKS.register_module()
class BufferedRuntimeInfoHook(RuntimeInfoHook):
    """mmengine's RuntimeInfoHook without a device sync per value and iteration.

    Losses stay on the device and are copied to the message hub together, before the
    logger or a checkpoint takes them from there. The logged values are the same.

    Args:
        interval: iterations between two copies; fewer where the logger's interval is no
            multiple of it.
    """

    def __init__(self, interval: int = 10) -> None:
        self.interval = interval
        self._waiting: list[dict[str, Any]] = []

    def before_train(self, runner: Any) -> None:
        """Fit the interval to the logger's."""
        super().before_train(runner)
        for hook in runner.hooks:
            if isinstance(hook, LoggerHook):
                self.interval = math.gcd(self.interval, hook.interval)

    def after_train_iter(
        self, runner: Any, batch_idx: int, data_batch: Any = None, outputs: Any = None
    ) -> None:
        """Note this step's values; copy them if it is time to."""
        values = outputs or {}
        self._waiting.append(
            {k: v.detach() if isinstance(v, Tensor) else v for k, v in values.items()}
        )
        if (
            self.every_n_inner_iters(batch_idx, self.interval)
            or self.every_n_train_iters(runner, self.interval)
            or self.end_of_epoch(runner.train_dataloader, batch_idx)
        ):
            self.flush(runner)

    def before_save_state(self, runner: Any) -> None:
        """A checkpoint holds all values."""
        self.flush(runner)

    def after_train(self, runner: Any) -> None:
        """The last values."""
        self.flush(runner)
        super().after_train(runner)

    def flush(self, runner: Any) -> None:
        """Copy the values of the steps since the last time: one device sync."""
        waiting, self._waiting = self._waiting, []
        tensors = [
            v for step in waiting for v in step.values() if isinstance(v, Tensor)
        ]
        if tensors:
            numbers = iter(torch.stack([t.double() for t in tensors]).tolist())
        for step in waiting:
            for name, value in step.items():
                number = next(numbers) if isinstance(value, Tensor) else value
                runner.message_hub.update_scalar(f'train/{name}', number)
