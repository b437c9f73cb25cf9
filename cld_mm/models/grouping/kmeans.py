"""Local k-means over one batch: Lloyd's iterations as matrix products.

Source: CLD paper (arXiv 2008.03813), section 3.2. The nearest centroid c of a
row x is the one with the largest ``x·c - |c|²/2``, so an iteration is one matrix
product, one row-wise maximum and one sum per group; no N×K×C tensor is formed.
"""

import torch
from torch import Tensor

from cld_mm.models.groups import Groups
from cld_mm.models.utils import device
from cld_mm.models.utils.row_keys import first_equal_rows

from .base import check_grouping, check_settings, group_means


def kmeans(features: Tensor, num_groups: int, num_iters: int = 5) -> Groups:
    """Group rows by k-means, with the first K rows as initial centroids.

    Each iteration assigns every row to the nearest centroid (squared Euclidean
    distance; ties go to the lowest index) and sets each centroid to the mean of its
    rows. The centroid of an empty group becomes the zero vector and takes part in the
    next assignment. Labels are those of the last assignment. Gradient flows to
    ``features`` through the last mean only. Computed in float32, also under autocast.

    Args:
        features: ``(N, C)``, any float type.
        num_groups: K. If K >= N, each row is an initial centroid; warns once.
        num_iters: number of iterations.

    Raises:
        ValueError: ``features`` is not ``(N, C)`` or is empty, or ``num_groups`` or
            ``num_iters`` is below 1.
    """
    check_grouping(features, num_groups, num_iters)
    with torch.autocast(features.device.type, enabled=False):
        features = features.float()
        labels = kmeans_labels(features.detach(), num_groups, num_iters)
        return Groups(labels, *group_means(features, labels, num_groups))


@torch.no_grad()
def kmeans_labels(x: Tensor, num_groups: int, num_iters: int) -> Tensor:
    """Labels ``(N,)`` of the last assignment of ``(N, C)`` float32 rows.

    Reads no value on a GPU, so it never synchronizes with the device.
    """
    # Translation keeps distances but not rounding: centering preserves precision
    # for features that are large or have collapsed.
    mean = x.mean(dim=0)
    x = x - mean
    # Equal initial centroids tie, but columns of a matrix product may round
    # differently: map each label to the first of the equal centroids.
    labels = first_equal_rows(x[:num_groups])[_nearest(x, x[:num_groups])]
    for _ in range(num_iters - 1):
        centroids, counts = group_means(x, labels, num_groups)
        empty = counts == 0
        # The zero vector of an empty group, in centered coordinates.
        centroids = torch.where(empty.unsqueeze(1), -mean, centroids)
        # All empty groups coincide: only the first competes.
        repeated = empty & (empty.cumsum(dim=0) > 1)
        previous, labels = labels, _nearest(x, centroids, repeated)
        if device.on_cpu(x) and torch.equal(labels, previous):
            break  # converged; on a GPU this check would synchronize
    return labels


def _nearest(x: Tensor, centroids: Tensor, excluded: Tensor | None = None) -> Tensor:
    """Index of each row's nearest centroid ``(N,)``, the first of equals."""
    lengths = centroids.square().sum(dim=1)
    if excluded is not None:
        lengths.masked_fill_(excluded, float('inf'))
    scores = torch.addmm(lengths, x, centroids.t(), beta=-0.5)  # N×K
    return scores.max(dim=1).indices  # faster than argmax on GPUs


class KMeansGrouping:
    """:func:`kmeans` with its settings.

    Args:
        num_groups: K.
        num_iters: number of iterations.

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
