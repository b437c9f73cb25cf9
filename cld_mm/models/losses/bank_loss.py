"""Instance discrimination against a memory bank: full softmax, and NCE.

Source: NPID (arXiv 1805.01978), equations 2 (softmax) and 4 to 8 (noise-
contrastive estimation). As in :mod:`.info_nce`, gradients are worked out in the
forward pass: the bank is neither copied nor kept for the backward pass.
"""

import math
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import functional as F

from .checks import check_temperature
from .softmax_bank import softmax_over_bank


class _WithGradient(torch.autograd.Function):
    """A value whose gradient to one tensor is already known."""

    @staticmethod
    def forward(ctx: Any, tensor: Tensor, value: Tensor, gradient: Tensor) -> Tensor:
        ctx.save_for_backward(gradient)
        ctx.dtype = tensor.dtype
        return value.clone()

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad_value: Tensor) -> tuple[Tensor, None, None]:
        (gradient,) = ctx.saved_tensors
        return (grad_value * gradient).to(ctx.dtype), None, None


def bank_softmax_loss(
    features: Tensor, bank: Tensor, indices: Tensor, temperature: float
) -> Tensor:
    """Cross-entropy of each image among all rows of the bank.

    Args:
        features: L2-normalized, ``(N, C)``, with gradient.
        bank: one row for each image of the dataset, ``(n, C)``, no gradient.
        indices: the row of each feature's image, ``(N,)`` int64.
        temperature: T.

    Returns:
        The mean loss, a float32 scalar; it can be differentiated once.

    Raises:
        ValueError: temperature is not above 0.
    """
    check_temperature(temperature)
    with torch.no_grad():
        log_sum, mean = softmax_over_bank(features, bank, temperature)
        own = bank[indices].float()
        loss = (log_sum - (features.float() * own).sum(dim=1) / temperature).mean()
        gradient = (mean - own) / (temperature * len(features))
    return _WithGradient.apply(features, loss, gradient)


def _row_chunks(features: Tensor, columns: int) -> list[slice]:
    """Slices of images whose gathered ``(images, columns, C)`` rows stay small."""
    step = max(1, 2**24 // (columns * features.shape[1]))
    return [slice(i, i + step) for i in range(0, len(features), step)]


@torch.no_grad()
def estimate_normalizer(
    features: Tensor, bank: Tensor, negatives: Tensor, temperature: float
) -> Tensor:
    """Z: the bank's size times the mean of exp(f·b / T) over sampled rows.

    Args:
        features: ``(N, C)``.
        bank: ``(n, C)``.
        negatives: sampled rows of the bank, ``(N, m)`` int64.
        temperature: T.

    Returns:
        log Z, a float32 scalar (Z itself overflows at small T).
    """
    scores = [
        _scores(features[part], bank[negatives[part]].float(), temperature).flatten()
        for part in _row_chunks(features, negatives.shape[1])
    ]
    logits = torch.cat(scores)
    return logits.logsumexp(dim=0) + math.log(len(bank) / logits.numel())


def _scores(features: Tensor, rows: Tensor, temperature: float) -> Tensor:
    """``(N, C)`` features against ``(N, m, C)`` rows: ``(N, m)``."""
    return torch.einsum('nmc,nc->nm', rows, features.float()) / temperature


def bank_nce_loss(
    features: Tensor,
    bank: Tensor,
    indices: Tensor,
    negatives: Tensor,
    log_normalizer: Tensor,
    temperature: float,
) -> Tensor:
    """Noise-contrastive estimation with sampled rows as noise.

    ``-log h(i) - sum_j log(1 - h(j))`` with ``h = P / (P + m / n)`` and
    ``P(j) = exp(f·b_j / T) / Z``.

    Args:
        features: L2-normalized, ``(N, C)``, with gradient.
        bank: ``(n, C)``, no gradient.
        indices: the row of each feature's image, ``(N,)`` int64.
        negatives: sampled rows, ``(N, m)`` int64.
        log_normalizer: log Z, a scalar.
        temperature: T.

    Returns:
        The mean loss, a float32 scalar; it can be differentiated once.

    Raises:
        ValueError: temperature is not above 0.
    """
    check_temperature(temperature)
    with torch.no_grad(), torch.autocast(features.device.type, enabled=False):
        # log h = log_sigmoid(log P - log(m / n))
        offset = log_normalizer + math.log(negatives.shape[1] / len(bank))
        rows = torch.cat([indices[:, None], negatives], dim=1)  # N×(1 + m)
        sign = features.new_full((rows.shape[1],), -1, dtype=torch.float32)
        sign[0] = 1
        losses, gradients = [], []
        for part in _row_chunks(features, rows.shape[1]):
            gathered = bank[rows[part]].float()
            logits = sign * (_scores(features[part], gathered, temperature) - offset)
            losses.append(-F.logsigmoid(logits).sum(dim=1))
            slopes = -sign * torch.sigmoid(-logits)
            gradients.append(torch.einsum('nm,nmc->nc', slopes, gathered))
        loss = torch.cat(losses).mean()
        gradient = torch.cat(gradients) / (temperature * len(features))
    return _WithGradient.apply(features, loss, gradient)
