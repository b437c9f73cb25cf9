"""k-means' rounds on a CPU, where a launch costs as much as a small product.

The same labels as :func:`.kmeans.kmeans_labels` gives elsewhere, with less work: a
round looks only at groups that gained or lost a row, and the rounds end when none
did. numpy's launches are the cheaper ones at this size, but products are torch's:
threads of numpy's own BLAS would wait for torch's.
"""

import abc

import numpy as np
import torch
from torch import Tensor

from ..utils.row_keys import first_equal_rows
from .base import rows_by_group, score

# Up to here the rows' products with each other are cheaper than launches.
FEW_ROWS = 128


def labels_on_cpu(x: Tensor, num_groups: int, num_iters: int) -> Tensor:
    """Labels ``(N,)`` of the last assignment of ``(N, C)`` float32 rows."""
    # Distances do not change under translation; rounding does: centred, the
    # product keeps its digits where features are large or have collapsed.
    mean = x.mean(dim=0)
    rounds = _FewRows if len(x) <= FEW_ROWS else _ManyRows
    labels = rounds((x - mean).contiguous(), mean, num_groups).labels(num_iters)
    return torch.from_numpy(labels)


class _Rounds(abc.ABC):
    """Lloyd's rounds, but for the scores (``x·c - |c|²/2``) and where they lie."""

    group_axis: int

    def __init__(self, x: Tensor, mean: Tensor, num_groups: int) -> None:
        self.x, self.mean, self.num_groups = x, mean, num_groups
        self.zero_vector: np.ndarray | None = None

    @abc.abstractmethod
    def first_scores(self) -> np.ndarray:
        """Against the first K rows."""

    @abc.abstractmethod
    def scores(self, labels: np.ndarray, previous: np.ndarray) -> np.ndarray:
        """Against the means of the groups of ``labels``, after ``previous``."""

    def labels(self, num_iters: int) -> np.ndarray:
        # Equal starting centroids tie, and the columns of a matrix product need
        # not round alike: name the first of them by hand.
        labels = self.first_scores().argmax(axis=self.group_axis)
        starts = self.x[: self.num_groups]
        if not _distinct(starts.numpy()):
            labels = first_equal_rows(starts).numpy()[labels]
        # At the start row i is alone in group i, and the rest in none.
        previous = np.arange(len(labels))
        for _ in range(num_iters - 1):
            if (labels == previous).all():
                break  # nothing moved, so nothing will
            scores = self.scores(labels, previous)
            previous, labels = labels, scores.argmax(axis=self.group_axis)
        return labels

    def scores_of_zero(self) -> np.ndarray:
        """Scores ``(N,)`` of an empty group's zero vector, seen from the mean."""
        if self.zero_vector is None:
            length = self.mean.dot(self.mean)
            self.zero_vector = (self.x @ -self.mean - 0.5 * length).numpy()
        return self.zero_vector


class _FewRows(_Rounds):
    """From the rows' products with each other.

    With them a row's product with a centroid is a mean of entries, and so is a
    centroid's length: no centroid is computed.
    """

    group_axis = 0

    def first_scores(self) -> np.ndarray:
        self.products = torch.mm(self.x, self.x.t())  # N×N
        products = self.products.numpy()
        self.positions = np.arange(len(products))
        lengths = products.diagonal()[: self.num_groups, None]
        return products[: self.num_groups] - 0.5 * lengths

    def scores(self, labels: np.ndarray, previous: np.ndarray) -> np.ndarray:
        counts, order, starts = rows_by_group(labels, self.num_groups)
        scores = torch.embedding_bag(self.products, order, starts)[0].numpy()  # K×N
        shares = np.reciprocal(np.maximum(counts, 1, dtype=np.float32))[:, None]
        scores *= shares
        # |c|² is the mean of c's products with its own rows.
        own = scores[labels, self.positions]
        lengths = np.bincount(labels, own, self.num_groups).astype(np.float32)
        scores -= (0.5 * lengths)[:, None] * shares
        empty = (counts == 0).nonzero()[0]
        if len(empty):
            # All of them are one point: only the first takes part.
            scores[empty[1:]] = -np.inf
            scores[empty[0]] = self.scores_of_zero()
        return scores


class _ManyRows(_Rounds):
    """From the centroids of the groups that changed."""

    group_axis = 1

    def first_scores(self) -> np.ndarray:
        # One buffer for all rounds: fresh pages cost as much as the product.
        self.kept = self.x.new_empty(len(self.x), self.num_groups)
        view = self.kept[:, : len(self.x)]
        return score(self.x, self.x[: self.num_groups], view).numpy()

    def scores(self, labels: np.ndarray, previous: np.ndarray) -> np.ndarray:
        moved = (labels != previous).nonzero()[0]
        changed = np.zeros(max(len(labels), self.num_groups), bool)
        changed[labels[moved]] = True
        changed[previous[moved]] = True
        counts = np.bincount(labels, minlength=self.num_groups)
        changed = changed[: self.num_groups] & (counts > 0)
        groups = changed.nonzero()[0]
        scores = self.kept.numpy()
        if 2 * len(groups) > self.num_groups:
            score(self.x, self._means(labels, self.num_groups), self.kept)
        elif len(groups):
            rows = changed[labels].nonzero()[0]
            numbers = np.empty(self.num_groups, np.int64)
            numbers[groups] = np.arange(len(groups))
            means = self._means(numbers[labels[rows]], len(groups), rows)
            some = self.x.new_empty(len(labels), len(groups))
            scores[:, groups] = score(self.x, means, some).numpy()
        empty = (counts == 0).nonzero()[0]
        if len(empty):
            # As above: the zero vector takes part once.
            scores[:, empty[1:]] = -np.inf
            scores[:, empty[0]] = self.scores_of_zero()
        return scores

    def _means(
        self, labels: np.ndarray, num_groups: int, rows: np.ndarray | None = None
    ) -> Tensor:
        counts, order, starts = rows_by_group(labels, num_groups)
        if rows is not None:
            order = torch.from_numpy(rows[order.numpy()])
        means = torch.embedding_bag(self.x, order, starts)[0]
        sums = means.numpy()
        sums /= np.maximum(counts, 1, dtype=np.float32)[:, None]
        return means


def _distinct(rows: np.ndarray) -> bool:
    """Whether no two rows are equal, by a look that may miss it but costs little."""
    # Equal rows would have equal first entries, and equal sums.
    if len(set(rows[:, 0].tolist())) == len(rows):
        return True
    bits = (rows + 0.0).view(np.int32)  # -0.0 + 0.0 is 0.0
    return len(set(np.einsum('kc->k', bits).tolist())) == len(rows)
