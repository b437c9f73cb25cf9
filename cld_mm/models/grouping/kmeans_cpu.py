"""k-means' rounds on a CPU, where to look at values costs nothing.

The same labels as :func:`.kmeans.kmeans_labels` gives elsewhere, with less work: a
round looks only at groups that gained or lost a row, and the rounds end when none
did. Matrix products are torch's, all else is compiled: a launch costs as much as a
small product.
"""

import numpy as np
import torch
from torch import Tensor

from .compiled import changed_means, first_labels, next_labels, rounds_from_products

# Up to here the rows' products with each other are cheaper than one of each round.
FEW_ROWS = 256


def labels_on_cpu(x: Tensor, num_groups: int, num_iters: int) -> Tensor:
    """Labels ``(N,)`` of the last assignment of ``(N, C)`` float32 rows."""
    # Distances do not change under translation; rounding does: centred, the
    # product keeps its digits where features are large or have collapsed.
    mean = x.mean(dim=0)
    x = (x - mean).contiguous()
    rounds = _few_rows if len(x) <= FEW_ROWS else _many_rows
    # An empty group's zero vector, seen from the mean.
    to_zero = torch.mv(x, -mean).numpy()
    zero_half = np.float32(0.5) * np.float32(mean.dot(mean))
    return torch.from_numpy(rounds(x, num_groups, num_iters, to_zero, zero_half))


def _few_rows(
    x: Tensor, num_groups: int, num_iters: int, to_zero: np.ndarray, half: np.float32
) -> np.ndarray:
    products = torch.mm(x, x.t()).numpy()
    return rounds_from_products(
        products, x.numpy(), num_groups, num_iters, to_zero, half
    )


def _many_rows(
    x: Tensor, num_groups: int, num_iters: int, to_zero: np.ndarray, half: np.float32
) -> np.ndarray:
    rows = x.numpy()
    # One buffer for all rounds: fresh pages cost as much as the product.
    products = x.new_empty(num_groups, len(x))
    kept = products.numpy()
    starts = x[:num_groups]
    torch.mm(starts, x.t(), out=products[: len(starts)])
    halves = np.empty(num_groups, np.float32)
    labels = first_labels(kept[: len(starts)], rows[: len(starts)], halves)
    # At the start row i is alone in group i, and the rest in none.
    previous = np.arange(len(x))
    means = x.new_empty(num_groups, x.shape[1])
    shares = np.ones(num_groups, np.float32)
    counts = np.empty(num_groups, np.int64)
    for _ in range(num_iters - 1):
        if (labels == previous).all():
            break  # nothing moved, so nothing will
        groups = changed_means(rows, labels, previous, means.numpy(), halves, counts)
        if len(groups) == num_groups:
            torch.mm(means, x.t(), out=products)
        elif len(groups):
            kept[groups] = torch.mm(means[: len(groups)], x.t()).numpy()
        previous = labels
        labels = next_labels(kept, shares, halves, counts, to_zero, half)
    return labels
