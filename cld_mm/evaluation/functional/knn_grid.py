"""kNN accuracy for several k from one search of the neighbors."""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from .knn import check_vote

ROWS = 256


@torch.no_grad()
def knn_grid(
    train: Tensor,
    train_labels: Tensor,
    test: Tensor,
    test_labels: Tensor,
    ks: Sequence[int],
    temperature: float = 0.1,
) -> dict[int, float]:
    """Top-1 in percent for each k, by the vote of :func:`knn_classify`.

    Args:
        train: ``(N, C)``.
        train_labels: ``(N,)`` integers from 0.
        test: ``(M, C)``.
        test_labels: ``(M,)``.
        ks: numbers of neighbors; those above N become N.
        temperature: T.
    """
    check_vote(min(ks), temperature)
    counts = sorted({min(k, len(train)) for k in ks})
    classes = int(train_labels.max()) + 1
    train, test = (F.normalize(part.float(), dim=1) for part in (train, test))
    hits = dict.fromkeys(counts, 0)
    for rows, labels in zip(test.split(ROWS), test_labels.split(ROWS), strict=True):
        nearest, places = (rows @ train.t()).topk(counts[-1], dim=1)
        found = train_labels[places]
        for k in counts:
            weights = (nearest[:, :k] / temperature).softmax(dim=1)
            scores = weights.new_zeros(len(rows), classes)
            scores.scatter_add_(1, found[:, :k], weights)
            hits[k] += int((scores.argmax(dim=1) == labels).sum())
    return {k: 100 * count / len(test) for k, count in hits.items()}
