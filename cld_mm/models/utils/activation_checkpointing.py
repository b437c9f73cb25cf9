"""Activation checkpointing that counts a batch once and works on several ranks.

With ``with_cp=True`` a backbone runs its blocks a second time in the backward pass
instead of keeping their activations. mmpretrain's blocks do so by a backward pass
inside the backward pass, which DistributedDataParallel does not allow where two views
pass through the same weights; and BatchNorm would average each batch's statistics in
twice.
"""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from functools import partial
from typing import Any

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.utils.checkpoint import checkpoint


def recompute_blocks(backbone: nn.Module) -> None:
    """Let the blocks that ``with_cp`` is set on run again in the backward pass.

    Within that pass, not as one of its own. BatchNorm uses its batch's statistics in
    the repetition, as in the first pass, and leaves the running ones alone. Does
    nothing where ``with_cp`` is not set.
    """
    marked = [m for m in backbone.modules() if getattr(m, 'with_cp', False)]
    for module in marked:
        inner = [m for m in module.modules() if m is not module and m in marked]
        module.with_cp = False  # type: ignore[assignment]
        if not inner:
            module.forward = _Recomputed(module)  # type: ignore[method-assign]


class _Recomputed:
    """A block's forward pass, checkpointed; copied with its block, it is the copy's."""

    def __init__(self, block: nn.Module) -> None:
        self.block = block

    def __call__(self, *args: Any) -> Any:
        forward = partial(type(self.block).forward, self.block)
        return checkpoint(
            forward,
            *args,
            use_reentrant=False,
            context_fn=lambda: (nullcontext(), _statistics_kept(self.block)),
        )


@contextmanager
def _statistics_kept(block: nn.Module) -> Iterator[None]:
    """Running statistics go to copies that are thrown away."""
    norms = [m for m in block.modules() if isinstance(m, _BatchNorm)]
    kept = [dict(norm._buffers) for norm in norms]
    for norm in norms:
        for name, value in norm._buffers.items():
            norm._buffers[name] = None if value is None else value.clone()
    try:
        yield
    finally:
        for norm, buffers in zip(norms, kept, strict=True):
            norm._buffers.update(buffers)
