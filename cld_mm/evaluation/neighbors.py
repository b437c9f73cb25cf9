"""Nearest images of a query."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor


def nearest_neighbors(features: Tensor, queries: Sequence[int], k: int) -> np.ndarray:
    """Indices ``(Q, k)`` of the nearest other images, by cosine.

    Args:
        features: ``(N, C)``.
        queries: Q indices of images.
        k: neighbors of each; at most N - 1.
    """
    unit = torch.nn.functional.normalize(features, dim=1)
    rows = torch.tensor(list(queries))
    cosine = unit[rows] @ unit.t()
    cosine[torch.arange(len(rows)), rows] = -torch.inf
    return cosine.topk(min(k, len(unit) - 1), dim=1).indices.numpy()


def choose_queries(labels: np.ndarray | None, count: int, most: int) -> list[int]:
    """The first image of each of the first classes, or evenly spread images.

    Args:
        labels: ``(N,)``, or None where images are unlabeled.
        count: N.
        most: queries at most.
    """
    if labels is None:
        spread = np.linspace(0, count - 1, min(most, count)).round()
        return [int(index) for index in spread]
    return [int(np.flatnonzero(labels == c)[0]) for c in np.unique(labels)[:most]]
