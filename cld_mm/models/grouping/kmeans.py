"""Local k-means over one batch: Lloyd's rounds as matrix products.

Source: CLD paper (arXiv 2008.03813), section 3.2. The nearest centroid c of a
row x is the one with the largest ``x·c - |c|²/2``, so a round is one matrix
product, one row maximum and one sum by groups; no N×K×C array exists.
"""

import torch
from torch import Tensor

from cld_mm.models.utils.row_keys import first_equal_rows
from cld_mm.registry import MODELS

from .base import Groups, check_grouping, check_settings, group_means, on_cpu


def kmeans(features: Tensor, num_groups: int, num_iters: int = 5) -> Groups:
    """Group rows by k-means, started from the first K rows.

    Each round assigns every row to the nearest centroid (squared Euclidean
    distance, the first of equals) and sets each centroid to the mean of its
    rows; an empty group's centroid becomes the zero vector and competes as
    such. Labels come from the last assignment. The last mean carries gradient
    to ``features``, earlier rounds do not. Computed in float32, also under
    autocast.

    Args:
        features: ``(N, C)``, any float type.
        num_groups: K. Where K >= N the first N rows are the centroids, and a
            warning says so once.
        num_iters: number of rounds.

    Returns:
        Labels, centroids and counts.

    Raises:
        ValueError: ``features`` is not ``(N, C)`` or empty, or ``num_groups`` or
            ``num_iters`` is below 1.
    """
    check_grouping(features, num_groups, num_iters)
    with torch.autocast(features.device.type, enabled=False):
        features = features.float()
        labels = kmeans_labels(features.detach(), num_groups, num_iters)
        return Groups(labels, *group_means(features, labels, num_groups))


def kmeans_labels(x: Tensor, num_groups: int, num_iters: int) -> Tensor:
    """Labels ``(N,)`` of the last assignment of ``(N, C)`` float rows."""
    if not on_cpu(x):
        return labels_on_gpu(x, num_groups, num_iters)
    # Here, for numba takes a fifth of a second, and most processes group nothing.
    from .kmeans_cpu import labels_on_cpu

    return labels_on_cpu(x, num_groups, num_iters)


def labels_on_gpu(x: Tensor, num_groups: int, num_iters: int) -> Tensor:
    """The same without a look at any value: to look would be to wait for the device."""
    # Distances do not change under translation; rounding does: centred, the
    # product keeps its digits where features are large or have collapsed.
    mean = x.mean(dim=0)
    x = x - mean
    # One buffer for all rounds: fresh pages cost as much as the product.
    scores = x.new_empty(len(x), num_groups)
    # Equal starting centroids tie, and the columns of a matrix product need
    # not round alike: name the first of them by hand.
    labels = _nearest(x, x[:num_groups], scores[:, : len(x)])
    labels = first_equal_rows(x[:num_groups])[labels]
    for _ in range(num_iters - 1):
        centroids, sizes = group_means(x, labels, num_groups)
        empty = sizes == 0
        # The zero vector of an empty group, seen from the mean.
        centroids = torch.where(empty.unsqueeze(1), -mean, centroids)
        # All of them are one point: only the first takes part.
        empty &= empty.cumsum(dim=0) > 1
        labels = _nearest(x, centroids, scores, empty)
    return labels


def _nearest(
    x: Tensor, centroids: Tensor, scores: Tensor, left_out: Tensor | None = None
) -> Tensor:
    lengths = torch.linalg.vector_norm(centroids, dim=1).square_()
    if left_out is not None:
        lengths.masked_fill_(left_out, float('inf'))
    torch.mm(x, centroids.t(), out=scores).add_(lengths, alpha=-0.5)
    # The first of equals; on a GPU max is faster than argmax.
    return scores.max(dim=1).indices


@MODELS.register_module()
class KMeansGrouping:
    """:func:`kmeans` with its settings.

    Args:
        num_groups: K.
        num_iters: number of rounds.

    Raises:
        ValueError: a setting is below 1.
    """

    def __init__(self, num_groups: int, num_iters: int = 5) -> None:
        check_settings(num_groups, num_iters)
        self.num_groups = num_groups
        self.num_iters = num_iters

    def __call__(self, features: Tensor) -> Groups:
        """Group ``(N, C)`` features."""
        return kmeans(features, self.num_groups, self.num_iters)
