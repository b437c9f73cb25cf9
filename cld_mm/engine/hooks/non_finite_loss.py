"""NonFiniteLossHook: a NaN or infinite loss stops every rank, with its reason."""

import math

import torch
from mmengine.dist import all_gather_object, get_rank
from mmengine.hooks import Hook
from torch import distributed as dist

from cld_mm.registry import HOOKS


@HOOKS.register_module()
class NonFiniteLossHook(Hook):
    """Stop all ranks at the iteration in which one meets a non-finite loss.

    Runs before checkpoints are written, so the last one saved is from before.

    Raises:
        FloatingPointError: on every rank, with iteration, epoch, ranks and parts.
    """

    priority = 'VERY_HIGH'

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
        """Check what the model logged in this iteration."""
        parts = {
            name: value.detach()
            if isinstance(value, torch.Tensor)
            else torch.tensor(float(value))
            for name, value in (outputs or {}).items()
            if 'loss' in name
        }
        if not parts:
            return
        bad = ~torch.stack([part.float() for part in parts.values()]).isfinite().all()
        bad = bad.int()
        if dist.is_initialized():
            dist.all_reduce(bad, op=dist.ReduceOp.MAX)
        if bad:
            self._stop(runner, parts)

    @staticmethod
    def _stop(runner, parts: dict) -> None:
        values = {name: float(part) for name, part in parts.items()}
        reports: list = all_gather_object((get_rank(), values))
        bad = [
            (rank, values)
            for rank, values in reports
            if not all(math.isfinite(value) for value in values.values())
        ]
        rank, values = bad[0]
        listed = ', '.join(f'{name}={value:.6g}' for name, value in values.items())
        raise FloatingPointError(
            f'the loss is not finite at iteration {runner.iter + 1} (epoch '
            f'{runner.epoch + 1}) on rank {", ".join(str(rank) for rank, _ in bad)}: '
            f'{listed} (rank {rank}); the last checkpoint in {runner.work_dir} is from '
            'before: lower the learning rate or raise the temperature, and resume.'
        )
