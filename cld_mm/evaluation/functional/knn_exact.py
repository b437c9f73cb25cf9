"""kNN's votes where float32 cannot tell who votes, or who wins.

Equal images, or nearly equal ones, of different classes at the k-th place would be
chosen by chance: by the shape of a matrix product, the split over ranks, the order of
the images. For such rows the vote is counted again, by :mod:`.cosine`'s steps. Of
equally near images those of the smaller class vote first, a rule that knows no order.
"""

from collections.abc import Callable

import torch
from torch import Tensor

from cld_mm.distributed.collectives import gather, world_size

from .cosine import STEPS, cosine_steps

# Twice the largest errors of float32 cosines that were seen: 9e-7 near 1 (784 pixels),
# 1e-7 near 0 (512 random columns).
SLACK = 2e-6
LEAST = 2e-7
RANKS = 6  # of the best classes that must be told apart: top-5 and the next


def is_close(nearest: Tensor, k: int, scores: Tensor, temperature: float) -> Tensor:
    """Rows whose vote float32 does not settle, ``(M,)`` bool.

    Args:
        nearest: similarities ``(M, k + 1)``, descending; ``(M, k)`` where no more are.
        k: neighbours that vote.
        scores: their votes, ``(M, classes)``.
        temperature: T.
    """
    best = scores.topk(min(RANKS, scores.shape[1]), dim=1).values
    one, two = best[:, :-1], best[:, 1:]
    slack = SLACK / temperature + 1e-6  # relative error of a vote, and of their sum
    close = ((one - two <= slack * (one + two)) & (one > 0)).any(dim=1)
    if nearest.shape[1] > k:
        last = nearest[:, k - 1]
        close |= last - nearest[:, k] <= SLACK * last.abs() + LEAST
    return close


def exact_votes(
    test: Tensor,
    train: Tensor,
    labels: Tensor,
    k: int,
    temperature: float,
    num_classes: int,
    chunk_elements: int,
    sharded: bool,
    after_chunk: Callable[[int, int], object],
) -> Tensor:
    """Shares of the votes ``(M, num_classes)``, the same for any split and order.

    Args:
        test: ``(M, C)`` of unit length.
        train: ``(N, C)`` of unit length; this rank's part if ``sharded``.
        labels: ``(N,)``.
        k: neighbours that vote; of all ranks at least as many.
        temperature: T.
        num_classes: above all labels.
        chunk_elements: bound on the similarities held at once.
        sharded: join the ranks' neighbours.
        after_chunk: as in ``knn_classify``.
    """
    # Four arrays of 8 bytes where kNN's own chunk is one of 4.
    columns = max(1, min(2**14, chunk_elements // 8))
    scores = []
    chunks = test.split(max(1, chunk_elements // 8 // columns))
    for place, chunk in enumerate(chunks):
        best = labels.new_empty(len(chunk), 0)
        for start in range(0, len(train), columns):
            part = slice(start, start + columns)
            steps = cosine_steps(chunk, train[part]).long()
            # One whole number for both: nearer first, then the smaller class.
            keys = steps * num_classes + (num_classes - 1 - labels[part])
            best = _largest(torch.cat([best, keys], dim=1), k)
        if sharded:
            best = torch.nn.functional.pad(
                best, (0, k - best.shape[1]), value=torch.iinfo(best.dtype).min
            )
            parts = gather(best.contiguous()).chunk(world_size())
            best = _largest(torch.cat(parts, dim=1), k)
        near = best.div(num_classes, rounding_mode='floor').double() / STEPS
        voters = num_classes - 1 - best.remainder(num_classes)
        weights = (near / temperature).softmax(dim=1)
        votes = weights.new_zeros(len(chunk), num_classes)
        scores.append(votes.scatter_add_(1, voters, weights))
        after_chunk(place, len(chunks))
    return torch.cat(scores).float()


def _largest(keys: Tensor, k: int) -> Tensor:
    return keys.topk(min(k, keys.shape[1]), dim=1).values
