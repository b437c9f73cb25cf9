"""MomentumEncoder: a copy whose weights follow by exponential averaging.

Source: MoCo (arXiv 1911.05722), section 3.2: ``k <- 0.999 k + 0.001 q`` once per
optimiser step. Averaging is torch.optim.swa_utils' multi-tensor function.
"""

from collections.abc import Mapping
from copy import deepcopy

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import get_ema_multi_avg_fn


class MomentumEncoder(nn.ModuleDict):
    """Averaged copies of modules; parameters without gradient.

    Buffers are the copy's own: its BatchNorm statistics come from its own
    batches and are neither copied nor averaged.

    Args:
        modules: the modules to follow, by name; they stay the caller's.
        momentum: share of the new weights in each average, OpenMMLab's meaning:
            0.001 where the papers say 0.999.

    Raises:
        ValueError: momentum is outside [0, 1].
    """

    def __init__(self, modules: Mapping[str, nn.Module], momentum: float) -> None:
        if not 0 <= momentum <= 1:
            raise ValueError(
                f'momentum is {momentum}, but it is a share of the new '
                'weights and lies in [0, 1]: where a paper says 0.999, '
                'write 0.001.'
            )
        super().__init__(
            {
                name: deepcopy(module).requires_grad_(False)
                for name, module in modules.items()
            }
        )
        self.momentum = momentum
        # In a tuple, so that they are not registered as children twice.
        self._sources = (dict(modules),)
        self._hook: torch.utils.hooks.RemovableHandle | None = None
        self._optimizer: torch.optim.Optimizer | None = None

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
        average_into = get_ema_multi_avg_fn(1 - self.momentum)
        average_into(own, [p.detach() for p in new], None)

    @property
    def follows_optimizer(self) -> bool:
        """Whether :meth:`follow` has been called."""
        return self._hook is not None

    def follow(self, optimizer: torch.optim.Optimizer) -> None:
        """Average after each of this optimiser's steps from now on.

        A step that the gradient scaler skips, or a micro-batch of gradient
        accumulation, is none. Calling it again changes the optimiser.
        """
        if self._optimizer is optimizer:
            return
        if self._hook is not None:
            self._hook.remove()
        self._hook = optimizer.register_step_post_hook(lambda *_: self.average())
        self._optimizer = optimizer

    def extra_repr(self) -> str:
        return f'momentum={self.momentum}'
