"""Gathering rows from all ranks, with and without gradient.

Every rank must bring the same number of rows, which mmengine's samplers ensure
(they pad or drop). With one rank, or none at all, both return their input.
"""

import torch
from torch import Tensor
from torch import distributed as dist

# torch 2.13 renames it and warns about the old name.
_reduce_scatter = getattr(dist, 'reduce_scatter_single', dist.reduce_scatter_tensor)


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
    dist.all_gather_into_tensor(gathered, rows)
    return gathered


class _GatherWithGrad(torch.autograd.Function):
    @staticmethod
    def forward(ctx, rows: Tensor) -> Tensor:
        return gather(rows)

    @staticmethod
    def backward(ctx, grad: Tensor) -> Tensor:
        # Every rank's loss depends on these rows: their gradients add up. A rank
        # needs the sum of its own rows alone, half of what an all-reduce moves.
        grad = grad.contiguous()
        if dist.get_backend() == 'gloo':
            # Its reduce-scatter is not yet verified: an all-reduce and a slice.
            grad = grad.clone()
            dist.all_reduce(grad)
            return grad.chunk(world_size())[dist.get_rank()]
        own = grad.new_empty(len(grad) // world_size(), *grad.shape[1:])
        _reduce_scatter(own, grad)
        return own


def gather_with_grad(rows: Tensor) -> Tensor:
    """As :func:`gather`, differentiable.

    One all-gather, and in the backward pass one reduce-scatter (with gloo an
    all-reduce).

    The gradient of this rank's rows is the sum over all ranks' losses. Where
    every rank's loss is a mean over its own rows, DistributedDataParallel's
    averaging of parameter gradients then yields the gradient of the mean over
    all rows, as if one process had seen the joined batch.
    """
    return rows if world_size() == 1 else _GatherWithGrad.apply(rows)
