"""Local k-means over one batch: Lloyd's rounds as matrix products.

Source: CLD paper (arXiv 2008.03813), section 3.2. The nearest centroid c of a
row x is the one with the largest ``x·c - |c|²/2``, so a round is one matrix
product, one row maximum and one index-add; no N×K×C array exists.
"""

import torch
from torch import Tensor

from cld_mm.registry import MODELS

from .base import Groups, check_grouping, check_settings, group_means


@torch.autocast('cuda', enabled=False)
@torch.autocast('cpu', enabled=False)
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
    features = features.float()
    with torch.no_grad():
        labels = kmeans_labels(features.detach(), num_groups, num_iters)
    return Groups(labels, *group_means(features, labels, num_groups))


def kmeans_labels(x: Tensor, num_groups: int, num_iters: int) -> Tensor:
    """Labels ``(N,)`` of the last assignment of ``(N, C)`` float rows."""
    # Distances do not change under translation; rounding does: centred, the
    # product keeps its digits where features are large or have collapsed.
    mean = x.mean(dim=0)
    centred = x - mean
    labels = _nearest(centred, centred[:num_groups])
    # Equal starting centroids tie, and the columns of a matrix product need
    # not round alike: name the first of them by hand.
    labels = _first_equal_row(x[:num_groups])[labels]
    for _ in range(num_iters - 1):
        centroids, _ = group_means(x, labels, num_groups)
        labels = _nearest(centred, centroids - mean)
    return labels


def _nearest(x: Tensor, centroids: Tensor) -> Tensor:
    scores = torch.addmm(
        centroids.square().sum(dim=1), x, centroids.t(), beta=-0.5
    )  # N×K
    # Twice as fast as argmax on a CPU; both name the first of equals.
    return scores.max(dim=1).indices


def _first_equal_row(rows: Tensor) -> Tensor:
    """For each row the index of the first row with the same values."""
    bits = (rows + 0.0).view(torch.int32).long()  # -0.0 + 0.0 is 0.0
    generator = torch.Generator().manual_seed(0)
    weights = torch.randint(-(2**62), 2**62, (rows.shape[1],), generator=generator).to(
        rows.device
    )
    keys = (bits * weights).sum(dim=1)  # integer sums do not round
    keys, order = keys.sort(stable=True)
    starts = torch.ones_like(keys, dtype=torch.bool)
    starts[1:] = keys[1:] != keys[:-1]
    positions = torch.arange(len(keys), device=rows.device)
    first = torch.where(starts, positions, 0).cummax(dim=0).values
    return torch.empty_like(order).scatter_(0, order, order[first])


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
