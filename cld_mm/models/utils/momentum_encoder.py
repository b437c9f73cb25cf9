"""MomentumEncoder: a copy whose weights follow by exponential averaging.

Source: MoCo (arXiv 1911.05722), section 3.2: ``k <- 0.999 k + 0.001 q`` once per
optimizer step. Averaging is torch.optim.swa_utils' multi-tensor function.
"""

import math
from collections.abc import Mapping
from copy import deepcopy
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import get_ema_multi_avg_fn


class MomentumEncoder(nn.ModuleDict):
    """Momentum encoders: EMA copies of modules; parameters without gradient.

    Buffers are the copy's own: its BatchNorm statistics come from its own
    batches and are neither copied nor averaged.

    Args:
        modules: the modules to follow, by name; they stay the caller's.
        momentum: weight of the new parameters in each average, OpenMMLab's meaning:
            0.001 where the papers say 0.999.
        end_momentum: None to keep ``momentum``, or the share at the end, reached
            along half a cosine over ``total_steps`` optimizer steps (BYOL, arXiv
            2006.07733, section 3.3). The step is saved with the weights.

    Attributes:
        total_steps: optimizer steps of the whole run; MomentumUpdateHook sets it.

    Raises:
        ValueError: a momentum is outside [0, 1].
    """

    def __init__(
        self,
        modules: Mapping[str, nn.Module],
        momentum: float,
        end_momentum: float | None = None,
    ) -> None:
        for share in (momentum, end_momentum):
            if share is not None and not 0 <= share <= 1:
                raise ValueError(
                    f'momentum must be in [0, 1], got {share}; it is the weight of the '
                    'new parameters: where a paper says 0.999, write 0.001.'
                )
        super().__init__(
            {
                name: deepcopy(module).requires_grad_(False)
                for name, module in modules.items()
            }
        )
        self.momentum = momentum
        self.end_momentum = end_momentum
        self.total_steps: int | None = None
        self._step = 0
        if end_momentum is not None:
            self.register_buffer('step', torch.zeros((), dtype=torch.long))
        # In a tuple, so that they are not registered as children twice.
        self._sources = (dict(modules),)
        self._hook: torch.utils.hooks.RemovableHandle | None = None
        self._optimizer: torch.optim.Optimizer | None = None

    step: Tensor

    def _pairs(self) -> tuple[list[Tensor], list[Tensor]]:
        sources = [self._sources[0][name] for name in self]
        own: list[Tensor] = [p for name in self for p in self[name].parameters()]
        return own, [p for source in sources for p in source.parameters()]

    @torch.no_grad()
    def copy_weights(self) -> None:
        """Take the sources' parameters and buffers as they are (at the start)."""
        for name in self:
            self[name].load_state_dict(self._sources[0][name].state_dict())

    @torch.no_grad()
    def average(self) -> None:
        """Average the sources' parameters in: one step."""
        own, new = self._pairs()
        average_into = get_ema_multi_avg_fn(1 - self.current_momentum())
        average_into(own, new, None)
        self._step += 1
        if self.end_momentum is not None:
            self.step.fill_(self._step)

    def current_momentum(self) -> float:
        """Weight of the new parameters in the next average.

        Raises:
            ValueError: it follows a schedule, and ``total_steps`` is not set.
        """
        if self.end_momentum is None:
            return self.momentum
        if self.total_steps is None:
            raise ValueError(
                'the momentum follows a schedule over the run, but total_steps is not '
                'set: add MomentumUpdateHook to custom_hooks, or set it by hand.'
            )
        progress = min(self._step / self.total_steps, 1.0)
        share = (math.cos(math.pi * progress) + 1) / 2
        return self.end_momentum + (self.momentum - self.end_momentum) * share

    def go_on_at(self, step: int) -> None:
        """Count so many steps as done, where a resumed run takes other ones."""
        self._step = step
        if self.end_momentum is not None:
            self.step.fill_(step)

    def _load_from_state_dict(
        self, state_dict: dict[str, Tensor], prefix: str, *args: Any
    ) -> None:
        super()._load_from_state_dict(state_dict, prefix, *args)
        if self.end_momentum is not None:
            self._step = int(self.step)

    @property
    def follows_optimizer(self) -> bool:
        """Whether :meth:`follow` has been called."""
        return self._hook is not None

    def follow(self, optimizer: torch.optim.Optimizer) -> None:
        """Average after each of this optimizer's steps from now on.

        A step that the gradient scaler skips, or a micro-batch of gradient
        accumulation, is none. Calling it again changes the optimizer.
        """
        if self._optimizer is optimizer:
            return
        if self._hook is not None:
            self._hook.remove()
        self._hook = optimizer.register_step_post_hook(lambda *_: self.average())
        self._optimizer = optimizer

    def extra_repr(self) -> str:
        return f'momentum={self.momentum}'
