"""InfoNCE against a bank of negatives that may change right after.

Source: MoCo (arXiv 1911.05722), equation 1. The gradient to the queries,
``((p_0 - 1) k + sum_j p_j n_j) / T``, is worked out in the forward pass. So
neither the N×L logits nor the negatives are kept for the backward pass: a queue
needs no copy (33 MB twice a step at 65536×128) and may be written to at once.
"""

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from .cld_loss import check_temperature


class _InfoNCE(torch.autograd.Function):

    @staticmethod
    def forward(ctx, queries: Tensor, keys: Tensor, negatives: Tensor,
                temperature: float) -> Tensor:
        # Autocast, where it is on, chooses the type of the two large products.
        logits = (queries @ negatives.t()).float() / temperature  # N×L
        positive = (queries.float() * keys.float()).sum(dim=1) / temperature
        log_sum = torch.logaddexp(positive, logits.logsumexp(dim=1))
        if ctx.needs_input_grad[0]:
            weights = (logits - log_sum[:, None]).exp_()
            pull = torch.expm1(positive - log_sum)[:, None] * keys.float()
            push = (weights.to(negatives.dtype) @ negatives).float()
            ctx.save_for_backward((pull + push) / (temperature * len(queries)))
            ctx.dtype = queries.dtype
        return (log_sum - positive).mean()

    @staticmethod
    @once_differentiable
    def backward(ctx, grad_loss: Tensor):
        grad_queries, = ctx.saved_tensors
        return (grad_loss * grad_queries).to(ctx.dtype), None, None, None


def info_nce(queries: Tensor, keys: Tensor, negatives: Tensor,
             temperature: float) -> Tensor:
    """Cross-entropy of each query's own key among that key and the negatives.

    Args:
        queries: L2-normalised, ``(N, C)``, with gradient.
        keys: L2-normalised positive of each query, ``(N, C)``, no gradient.
        negatives: L2-normalised, ``(L, C)``, no gradient; may be overwritten
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
        raise ValueError('keys and negatives of info_nce get no gradient, but '
                         f'requires_grad is {keys.requires_grad} and '
                         f'{negatives.requires_grad}: detach them first.')
    return _InfoNCE.apply(queries, keys, negatives, temperature)
