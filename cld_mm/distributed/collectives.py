"""Gather rows from all ranks, with and without gradient, and sum them back.

Every rank must have the same number of rows, which mmengine's samplers ensure (they pad
or drop). Without ranks all functions return their input.
"""

from typing import Any

import torch
from torch import Tensor
from torch import distributed as dist

# torch 2.13 has new names and warns about the old ones. Looked up at each call, so that
# counters can be put there.
ALL_GATHER = 'all_gather_single'
REDUCE_SCATTER = 'reduce_scatter_single'
if not hasattr(dist, ALL_GATHER):
    ALL_GATHER, REDUCE_SCATTER = 'all_gather_into_tensor', 'reduce_scatter_tensor'


def world_size() -> int:
    """Number of ranks; 1 where torch.distributed is not in use."""
    return dist.get_world_size() if dist.is_initialized() else 1


@torch.no_grad()
def gather(rows: Tensor) -> Tensor:
    """Rows of all ranks in rank order, ``(N, ...)`` to ``(ranks·N, ...)``."""
    if world_size() == 1:
        return rows.detach()
    rows = rows.detach().contiguous()
    gathered = rows.new_empty(world_size() * rows.shape[0], *rows.shape[1:])
    getattr(dist, ALL_GATHER)(gathered, rows)
    return gathered


@torch.no_grad()
def reduce_to_owner(parts: Tensor) -> Tensor:
    """Sum ``(ranks·N, ...)`` over ranks; each keeps its own N. One reduce-scatter.

    Half of what an all-reduce moves.
    """
    if world_size() == 1:
        return parts
    own = parts.new_empty(len(parts) // world_size(), *parts.shape[1:])
    getattr(dist, REDUCE_SCATTER)(own, parts.contiguous())
    return own


class _GatherWithGrad(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, rows: Tensor) -> Tensor:
        return gather(rows)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Tensor:
        # Every rank's loss depends on these rows, so gradients are summed.
        return reduce_to_owner(grad)


def gather_with_grad(rows: Tensor) -> Tensor:
    """As :func:`gather`, differentiable.

    One all-gather, and in the backward pass one reduce-scatter.

    The gradient of this rank's rows is the sum over all ranks' losses. Where
    every rank's loss is a mean over its own rows, DistributedDataParallel's
    averaging of parameter gradients then yields the gradient of the mean over
    all rows, as if one process had seen the joined batch.
    """
    return rows if world_size() == 1 else _GatherWithGrad.apply(rows)
