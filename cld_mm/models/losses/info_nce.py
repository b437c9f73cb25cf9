"""InfoNCE against a bank of negatives that may change right after.

Source: MoCo (arXiv 1911.05722), equation 1. The gradient to the queries,
``((p_0 - 1) k + sum_j p_j n_j) / T``, is worked out in the forward pass. So
neither the N×L logits nor the negatives are kept for the backward pass: a queue
needs no copy (33 MB twice a step at 65536×128) and may be written to at once.
"""

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from .checks import check_temperature
from .softmax_bank import softmax_over_bank


class _InfoNCE(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, queries: Tensor, keys: Tensor, negatives: Tensor, temperature: float
    ) -> Tensor:
        log_sum, mean = softmax_over_bank(queries, negatives, temperature)
        positive = (queries.float() * keys.float()).sum(dim=1) / temperature
        total = torch.logaddexp(positive, log_sum)
        pull = torch.expm1(positive - total)[:, None] * keys.float()
        push = (log_sum - total).exp()[:, None] * mean
        ctx.save_for_backward((pull + push) / (temperature * len(queries)))
        ctx.dtype = queries.dtype
        return (total - positive).mean()

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad_loss: Tensor) -> tuple[Tensor, None, None, None]:
        (grad_queries,) = ctx.saved_tensors
        return (grad_loss * grad_queries).to(ctx.dtype), None, None, None


def info_nce(
    queries: Tensor, keys: Tensor, negatives: Tensor, temperature: float
) -> Tensor:
    """Cross-entropy of each query's own key among that key and the negatives.

    Args:
        queries: L2-normalized, ``(N, C)``, with gradient.
        keys: L2-normalized positive of each query, ``(N, C)``, no gradient.
        negatives: L2-normalized, ``(L, C)``, no gradient; may be overwritten
            before the backward pass.
        temperature: T.

    Returns:
        The mean loss, a float32 scalar; it can be differentiated once.

    Raises:
        ValueError: temperature is not above 0, or keys or negatives ask for a
            gradient, which they would not get.
    """
    check_temperature(temperature)
    if keys.requires_grad or negatives.requires_grad:
        raise ValueError(
            'keys and negatives of info_nce get no gradient, but '
            f'requires_grad is {keys.requires_grad} and '
            f'{negatives.requires_grad}: detach them first.'
        )
    return _InfoNCE.apply(queries, keys, negatives, temperature)
