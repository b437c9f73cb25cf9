"""WarmupCosineLR: InfoMin's schedule, as its release computes it.

Epochs count from 1, so the first one already trains at cos(π/epochs). The warm-up steps
per iteration and ends on the cosine, which spans all epochs and steps per epoch.
mmengine's cosine cannot start between two of its steps.
"""

import math
from typing import Any

from mmengine.optim.scheduler.lr_scheduler import LRSchedulerMixin
from mmengine.optim.scheduler.param_scheduler import INF, _ParamScheduler

from cld_mm.registry import PARAM_SCHEDULERS


@PARAM_SCHEDULERS.register_module()
class WarmupCosineLR(LRSchedulerMixin, _ParamScheduler):
    """Linear warm-up by iterations onto a cosine by epochs.

    Use it with ``convert_to_iter_based=True``, which fills in ``epoch_length``.

    Args:
        optimizer: optimizer or its wrapper.
        epochs: of the whole training.
        epoch_length: iterations per epoch.
        warmup_epochs: 0 for none.
        start_factor: the warm-up starts from this fraction of the learning rate.
        eta_min_ratio: the cosine's minimum as a fraction of the learning rate.
        **kwargs: as in mmengine's schedulers.

    Raises:
        ValueError: not ``0 <= warmup_epochs < epochs``, or ``epoch_length`` is below 1.
    """

    def __init__(
        self,
        optimizer: Any,
        *args: Any,
        epochs: int,
        epoch_length: int,
        warmup_epochs: int = 0,
        start_factor: float = 0.05,
        eta_min_ratio: float = 1e-3,
        **kwargs: Any,
    ) -> None:
        if not 0 <= warmup_epochs < epochs or epoch_length < 1:
            raise ValueError(
                f'warmup_epochs must be in [0, epochs) and epoch_length >= 1, got '
                f'{warmup_epochs}, {epochs} and {epoch_length}.'
            )
        self.epochs = epochs
        self.epoch_length = epoch_length
        self.warmup_epochs = warmup_epochs
        self.start_factor = start_factor
        self.eta_min_ratio = eta_min_ratio
        super().__init__(optimizer, *args, **kwargs)

    @classmethod
    def build_iter_from_epoch(
        cls,
        *args: Any,
        begin: int = 0,
        end: int = INF,
        by_epoch: bool = True,
        epoch_length: int | None = None,
        **kwargs: Any,
    ) -> 'WarmupCosineLR':
        """Build it from a config in epochs."""
        if not by_epoch or not epoch_length or begin != 0:
            raise ValueError('WarmupCosineLR counts epochs from 0: leave begin out.')
        return cls(*args, epoch_length=epoch_length, by_epoch=False, **kwargs)

    def _factor(self, step: int) -> float:
        """The learning rate at an iteration, as a fraction of the initial one."""
        epoch = min(step // self.epoch_length, self.epochs - 1)
        if epoch >= self.warmup_epochs:
            return self._cosine(epoch + 1)
        done = step / (self.warmup_epochs * self.epoch_length)
        target = self._cosine(self.warmup_epochs)
        return self.start_factor + done * (target - self.start_factor)

    def _cosine(self, epoch: int) -> float:
        half = 0.5 * (1 + math.cos(math.pi * epoch / self.epochs))
        return self.eta_min_ratio + (1 - self.eta_min_ratio) * half

    def _get_value(self) -> list[float]:
        factor = self._factor(self.last_step)
        return [base * factor for base in self.base_values]
