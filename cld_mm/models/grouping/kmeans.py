"""Local k-means over one batch: Lloyd's rounds as matrix products.

Source: CLD paper (arXiv 2008.03813), section 3.2. The nearest centroid c of a
row x is the one with the largest ``x·c - |c|²/2``, so a round is one matrix
product, one row maximum and one index-add; no N×K×C array exists.
"""

import numpy as np
import torch
from torch import Tensor

from cld_mm.registry import MODELS

from ..utils.row_keys import row_keys
from .base import Groups, check_grouping, check_settings, group_means

# Up to here the rows' products with each other are cheaper than launches.
FEW_ROWS = 128


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
        with torch.no_grad():
            labels = kmeans_labels(features.detach(), num_groups, num_iters)
        return Groups(labels, *group_means(features, labels, num_groups))


def kmeans_labels(x: Tensor, num_groups: int, num_iters: int) -> Tensor:
    """Labels ``(N,)`` of the last assignment of ``(N, C)`` float rows."""
    # Distances do not change under translation; rounding does: centred, the
    # product keeps its digits where features are large or have collapsed.
    mean = x.mean(dim=0)
    x = x - mean
    if _on_cpu(x) and len(x) <= FEW_ROWS:
        return _labels_of_few(x, mean, num_groups, num_iters)
    # One buffer for all rounds: fresh pages cost as much as the product.
    scores = x.new_empty(len(x), num_groups)
    # Equal starting centroids tie, and the columns of a matrix product need
    # not round alike: name the first of them by hand.
    labels = _nearest(x, x[:num_groups], scores[:, : len(x)])
    labels = _first_equal_row(x[:num_groups])[labels]
    for _ in range(num_iters - 1):
        centroids, empty = _means(x, labels, num_groups)
        if empty is not None:
            # The zero vector of an empty group, seen from the mean.
            centroids = torch.where(empty.unsqueeze(1), -mean, centroids)
            # All of them are one point: only the first takes part.
            empty &= empty.cumsum(dim=0) > 1
        previous, labels = labels, _nearest(x, centroids, scores, empty)
        # Nothing moved, so nothing will: the remaining rounds are free. A GPU
        # had better do them than wait for the answer.
        if _on_cpu(x) and torch.equal(labels, previous):
            break
    return labels


def _labels_of_few(x: Tensor, mean: Tensor, num_groups: int, num_iters: int) -> Tensor:
    """The same from the rows' products with each other, for few rows on a CPU.

    With them a row's product with a centroid is a mean of entries, and so is a
    centroid's length: no centroid is computed, and a round is one small matrix
    product and some ten of numpy's launches, which are the cheaper ones.
    """
    gram = (x @ x.t()).numpy()  # N×N
    scores = gram[:, :num_groups] - 0.5 * gram.diagonal()[:num_groups]
    labels = _first_equal_row(x[:num_groups]).numpy()[scores.argmax(axis=1)]
    scores = np.empty((len(gram), num_groups), np.float32)
    shares = np.zeros_like(scores)
    starts = np.arange(len(gram)) * num_groups
    zero_vector = None
    for _ in range(num_iters - 1):
        sizes = np.bincount(labels, minlength=num_groups)
        empty = np.flatnonzero(sizes == 0)
        sizes[empty] = 1
        own = starts + labels
        flat = shares.reshape(-1)
        flat[own] = (1 / sizes)[labels]
        np.matmul(gram, shares, out=scores)
        flat[own] = 0
        # |c|² is the mean of c's products with its own rows.
        lengths = np.bincount(labels, scores.reshape(-1)[own], num_groups)
        scores -= (0.5 * lengths / sizes).astype(np.float32)
        if len(empty):
            # As above: the zero vector, seen from the mean, takes part once.
            if zero_vector is None:
                zero_vector = (x @ -mean - 0.5 * mean.dot(mean)).numpy()
            scores[:, empty[1:]] = -np.inf
            scores[:, empty[0]] = zero_vector
        previous, labels = labels, scores.argmax(axis=1)
        if (labels == previous).all():
            break
    return torch.from_numpy(labels)


def _means(x: Tensor, labels: Tensor, num_groups: int) -> tuple[Tensor, Tensor | None]:
    """Means ``(K, C)`` and which groups are empty; None where none is known to be."""
    if not _on_cpu(x):
        means, sizes = group_means(x, labels, num_groups)
        return means, sizes == 0
    # Sorted by group, rows are bags for torch's embedding_bag, three times as fast
    # as an index-add; numpy's launches are the cheaper ones at this size.
    groups = labels.numpy()
    counts = np.bincount(groups, minlength=num_groups)
    order = groups.argsort(kind='stable')
    shares = 1 / np.maximum(counts, 1, dtype=np.float32)
    means = torch.embedding_bag(
        x,
        torch.from_numpy(order),
        torch.from_numpy(counts.cumsum() - counts),
        per_sample_weights=torch.from_numpy(shares[groups[order]]),
    )[0]
    return means, None if counts.all() else torch.from_numpy(counts == 0)


def _nearest(
    x: Tensor, centroids: Tensor, scores: Tensor, left_out: Tensor | None = None
) -> Tensor:
    lengths = torch.linalg.vector_norm(centroids, dim=1).square_()
    if left_out is not None:
        lengths.masked_fill_(left_out, float('inf'))
    torch.mm(x, centroids.t(), out=scores).add_(lengths, alpha=-0.5)  # N×K
    # The first of equals, whichever function finds it. On a CPU numpy's is three
    # times as fast as torch's; on a GPU max is faster than argmax.
    if _on_cpu(x):
        return torch.from_numpy(scores.numpy().argmax(axis=1))
    return scores.max(dim=1).indices


def _on_cpu(x: Tensor) -> bool:
    return x.device.type == 'cpu'


def _first_equal_row(rows: Tensor) -> Tensor:
    """For each row the index of the first row with the same values."""
    positions = torch.arange(len(rows), device=rows.device)
    if _on_cpu(rows):
        # Equal rows would have equal first entries, and equal sums: distinct ones
        # settle it at little cost.
        if len(set(rows[:, 0].tolist())) == len(rows):
            return positions
        bits = (rows + 0.0).numpy().view(np.int32)
        if len(set(np.einsum('kc->k', bits).tolist())) == len(rows):
            return positions
    keys, order = row_keys(rows).sort(stable=True)
    starts = positions.clone()
    starts[1:] *= keys[1:] != keys[:-1]
    first = starts.cummax(dim=0).values
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
