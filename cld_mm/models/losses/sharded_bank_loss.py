"""Softmax and NCE against a memory bank whose rows are split over ranks.

Source: as in :mod:`.bank_loss`, whose values and gradients these have. The features
of all ranks visit every shard, and each shard gives back its part of every result: for
the softmax its log-sum-exp and mean row, which join as
``L = log sum_r exp(L_r)`` and ``mean = sum_r exp(L_r - L) mean_r``; for NCE the terms
of its own sampled rows. A rank's loss is the mean over its own images and the bank has
no gradient, so averaging gradients over ranks is all that is left to do, as ever.

Every rank must bring the same number N of features.
"""

import math
from collections.abc import Iterator
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch import distributed as dist
from torch.nn import functional as F

from cld_mm.distributed.collectives import gather, reduce_to_owner, world_size

from .bank_loss import _WithGradient
from .checks import check_temperature
from .softmax_bank import softmax_over_bank


def _all_reduce(tensor: Tensor, op: Any = dist.ReduceOp.SUM) -> Tensor:
    if world_size() > 1:
        dist.all_reduce(tensor, op)
    return tensor


def sharded_softmax_loss(
    features: Tensor, bank: Any, indices: Tensor, temperature: float
) -> Tensor:
    """As :func:`.bank_loss.bank_softmax_loss`, over the rows of all ranks.

    A rank receives 4·ranks·N·C bytes of features, as much by the result's way back,
    and two numbers for each of the ranks·N features.

    Args:
        features: this rank's, L2-normalized, ``(N, C)``, with gradient.
        bank: a ShardedMemoryBank.
        indices: the row of each feature's image in the whole bank, ``(N,)`` int64.
        temperature: T.

    Returns:
        The mean loss of this rank's images, a float32 scalar.

    Raises:
        ValueError: temperature is not above 0.
    """
    check_temperature(temperature)
    with torch.no_grad():
        queries, rows = gather(features), gather(indices)
        log_part, mean_part = softmax_over_bank(queries, bank.features, temperature)
        top = _all_reduce(log_part.clone(), dist.ReduceOp.MAX)
        log_sum = _all_reduce((log_part - top).exp()).log() + top
        weighted = mean_part * (log_part - log_sum).exp()[:, None]
        # One exchange: the mean row, and the positive from its only owner.
        joined = reduce_to_owner(torch.cat([weighted, bank.rows_of(rows)], dim=1))
        mean, own = joined.chunk(2, dim=1)
        if world_size() > 1:
            log_sum = log_sum.chunk(world_size())[dist.get_rank()]
        loss = (log_sum - (features.float() * own).sum(dim=1) / temperature).mean()
        gradient = (mean - own) / (temperature * len(features))
    return _WithGradient.apply(features, loss, gradient)


class Pairs(NamedTuple):
    """Features and rows of this shard that meet in NCE.

    Attributes:
        queries: all ranks' features, ``(M, C)``, M = ranks·N, float32.
        query: which of them, ``(P,)`` int64.
        place: row in the bank's storage, ``(P,)`` int64.
        sign: 1 for positives, -1 for negatives, ``(P,)`` float32.
    """

    queries: Tensor
    query: Tensor
    place: Tensor
    sign: Tensor


@torch.no_grad()
def route_pairs(
    features: Tensor, bank: Any, indices: Tensor, negatives: Tensor
) -> Pairs:
    """Send each pair of a feature and a row to the rank that holds the row.

    A rank sends 16·N·(1 + m) bytes, however many ranks there are, and waits once, for
    how much it is to receive.

    Args:
        features: ``(N, C)``.
        bank: a ShardedMemoryBank.
        indices: rows of the positives, ``(N,)``.
        negatives: sampled rows, ``(N, m)``.
    """
    count, columns = len(negatives), 1 + negatives.shape[1]
    rows = torch.cat([indices[:, None], negatives], dim=1).flatten()
    rank = dist.get_rank() if world_size() > 1 else 0
    numbers = torch.arange(count, device=rows.device) + rank * count
    code = (2 * numbers)[:, None].repeat(1, columns)
    code[:, 0] += 1
    pairs = torch.stack([code.flatten(), rows], dim=1)  # P×2
    if world_size() > 1:
        owner = bank.owner(rows)
        order = owner.argsort(stable=True)
        sent = torch.bincount(owner, minlength=world_size())
        received = torch.empty_like(sent)
        dist.all_to_all_single(received, sent)
        sizes = torch.stack([sent, received]).tolist()
        arrived = pairs.new_empty(sum(sizes[1]), 2)
        dist.all_to_all_single(arrived, pairs[order].contiguous(), sizes[1], sizes[0])
        pairs = arrived
    place, _ = bank.local(pairs[:, 1])
    sign = (pairs[:, 0] % 2 * 2 - 1).float()
    return Pairs(gather(features.float()), pairs[:, 0] // 2, place, sign)


def _chunks(
    pairs: Pairs, bank: Any, temperature: float
) -> Iterator[tuple[slice, Tensor, Tensor]]:
    """Slices of pairs: their rows ``(p, C)`` and scores ``(p,)``."""
    step = max(1, 2**24 // pairs.queries.shape[1])
    for low in range(0, len(pairs.query), step):
        part = slice(low, low + step)
        rows = bank.storage[pairs.place[part]].float()
        scores = (pairs.queries[pairs.query[part]] * rows).sum(dim=1) / temperature
        yield part, rows, scores


def sharded_nce_loss(
    features: Tensor,
    bank: Any,
    indices: Tensor,
    negatives: Tensor,
    log_normalizer: Tensor,
    temperature: float,
    pairs: Pairs | None = None,
) -> Tensor:
    """As :func:`.bank_loss.bank_nce_loss`, over the rows of all ranks.

    Args:
        features: this rank's, L2-normalized, ``(N, C)``, with gradient.
        bank: a ShardedMemoryBank.
        indices: the row of each feature's image in the whole bank, ``(N,)`` int64.
        negatives: sampled rows of the whole bank, ``(N, m)`` int64.
        log_normalizer: log Z, a scalar.
        temperature: T.
        pairs: what :func:`route_pairs` gives, where that is known already.

    Returns:
        The mean loss of this rank's images, a float32 scalar.

    Raises:
        ValueError: temperature is not above 0.
    """
    check_temperature(temperature)
    with torch.no_grad(), torch.autocast(features.device.type, enabled=False):
        pairs = pairs or route_pairs(features, bank, indices, negatives)
        offset = log_normalizer + math.log(negatives.shape[1] / len(bank))
        channels = features.shape[1]
        sums = pairs.queries.new_zeros(len(pairs.queries), channels + 1)
        for part, rows, scores in _chunks(pairs, bank, temperature):
            sign = pairs.sign[part]
            logits = sign * (scores - offset)
            slopes = -sign * torch.sigmoid(-logits)
            terms = torch.cat(
                [slopes[:, None] * rows, -F.logsigmoid(logits)[:, None]], dim=1
            )
            sums.index_add_(0, pairs.query[part], terms)
        own = reduce_to_owner(sums)
        loss = own[:, channels].mean()
        gradient = own[:, :channels] / (temperature * len(features))
    return _WithGradient.apply(features, loss, gradient)


@torch.no_grad()
def sharded_normalizer(pairs: Pairs, bank: Any, temperature: float) -> Tensor:
    """As :func:`.bank_loss.estimate_normalizer`, of this rank's own features.

    Args:
        pairs: of :func:`route_pairs`; positives are left out.
        bank: a ShardedMemoryBank.
        temperature: T.

    Returns:
        log Z, a float32 scalar.
    """
    size = len(pairs.queries)
    # Rows and features have unit length, so no score is above 1 / T; in double
    # precision nothing that counts underflows.
    total = torch.zeros(size, dtype=torch.float64, device=pairs.queries.device)
    number = torch.zeros_like(total)
    for part, _, scores in _chunks(pairs, bank, temperature):
        noise = (pairs.sign[part] < 0).double()
        weights = (scores.double() - 1 / temperature).exp() * noise
        total.index_add_(0, pairs.query[part], weights)
        number.index_add_(0, pairs.query[part], noise)
    both = reduce_to_owner(torch.stack([total, number], dim=1)).sum(dim=0)
    log_mean = both[0].log() - both[1].log() + 1 / temperature
    return (log_mean + math.log(len(bank))).float()
