"""k-means' loops over rows and groups, compiled for the CPU.

Grouping a batch takes tens of microseconds, and a launch of torch's or numpy's one
to five of them: a round made of launches costs several times its matrix product.
numba compiles these loops when they are first imported, which takes seconds, and
keeps the machine code beside this file, or in the user's cache folder where that is
read-only.
"""

from collections.abc import Callable
from typing import Any

import numba
import numpy as np

ONE = np.float32(1)
HALF = np.float32(0.5)
FLOAT, INT = numba.float32, numba.int64
VECTOR, MATRIX, INTEGERS = FLOAT[::1], FLOAT[:, ::1], INT[::1]


def compiled(signature) -> Callable[[Callable], Callable]:
    """Compile for these types; keep the machine code where a folder takes it."""
    # Sums in any order: only so are lengths vectorised. NaN and infinity stay.
    settings: dict[str, Any] = {'nogil': True, 'fastmath': {'reassoc', 'nsz'}}

    def decorate(function: Callable) -> Callable:
        try:
            return numba.njit(signature, cache=True, **settings)(function)
        except Exception:
            # No folder is writable, a disk is full, or what is kept is broken: every
            # process compiles anew. An error of another kind comes again.
            return numba.njit(signature, **settings)(function)

    return decorate


@compiled(numba.types.Tuple((INTEGERS, INTEGERS, INTEGERS))(INTEGERS, INT))
def rows_by_group(labels, num_groups):
    """Counts ``(K,)``, row numbers ``(N,)`` group by group, and each group's first."""
    counts = np.zeros(num_groups, np.int64)
    for label in labels:
        counts[label] += 1
    starts = counts.cumsum() - counts
    places = starts.copy()
    order = np.empty(len(labels), np.int64)
    for row in range(len(labels)):
        place = labels[row]
        order[places[place]] = row
        places[place] += 1
    return counts, order, starts


@compiled(FLOAT(VECTOR))
def half_length(row):
    """``|row|²/2``."""
    total = np.float32(0)
    for value in row:
        total += value * value
    return HALF * total


@compiled(numba.void(VECTOR, FLOAT, FLOAT, INT, VECTOR, INTEGERS))
def take_larger(products, share, half, group, best, labels):
    """Give ``group`` the rows for which its score is larger than the best so far."""
    for i in range(len(labels)):
        score = products[i] * share - half
        if score > best[i]:
            best[i] = score
            labels[i] = group


@compiled(INTEGERS(MATRIX, VECTOR))
def _first_equal(rows, halves):
    first = np.arange(len(rows))
    for j in range(len(rows)):
        for i in range(j):
            # Equal rows have equal lengths; to compare those is one look a pair.
            if halves[i] == halves[j] and (rows[i] == rows[j]).all():
                first[j] = i
                break
    return first


@compiled(INTEGERS(MATRIX, MATRIX, VECTOR))
def first_labels(products, starts, halves):
    """Labels ``(N,)`` from the products ``(K, N)`` of the first K rows with all.

    Equal starting centroids tie, and the entries of a matrix product need not round
    alike: the first of them is found by its values. Half the squared lengths of the
    first rows go to ``halves``.
    """
    labels = np.zeros(products.shape[1], np.int64)
    best = np.full(products.shape[1], -np.inf, np.float32)
    for k in range(len(starts)):
        halves[k] = half_length(starts[k])
        take_larger(products[k], ONE, halves[k], k, best, labels)
    return _first_equal(starts, halves)[labels]


@compiled(INTEGERS(MATRIX, VECTOR, VECTOR, INTEGERS, VECTOR, FLOAT))
def next_labels(products, shares, halves, counts, to_zero, zero_half):
    """Labels ``(N,)`` of the nearest centroids, the first of equals.

    An empty group is the zero vector; all of them are one point, so that only the
    first takes part.

    Args:
        products: of centroids, times their ``shares``, with the rows, ``(K, N)``.
        shares: ``(K,)``.
        halves: half the centroids' squared lengths, ``(K,)``.
        counts: rows of each group before, ``(K,)``.
        to_zero: the rows' products with the zero vector, ``(N,)``.
        zero_half: half its squared length, as it is seen from the rows' mean.
    """
    labels = np.zeros(products.shape[1], np.int64)
    best = np.full(products.shape[1], -np.inf, np.float32)
    seen = False
    for k in range(len(counts)):
        if counts[k]:
            take_larger(products[k], shares[k], halves[k], k, best, labels)
        elif not seen:
            seen = True
            take_larger(to_zero, ONE, zero_half, k, best, labels)
    return labels


@compiled(INTEGERS(MATRIX, MATRIX, INT, INT, VECTOR, FLOAT))
def rounds_from_products(products, rows, num_groups, num_rounds, to_zero, zero_half):
    """All rounds from the rows' products with each other, ``(N, N)``.

    With them a row's product with a centroid is a mean of entries, and so is a
    centroid's length: no centroid is computed.
    """
    sums = np.empty((num_groups, len(rows)), np.float32)
    shares = np.empty(num_groups, np.float32)
    halves = np.empty(num_groups, np.float32)
    labels = first_labels(products[:num_groups], rows[:num_groups], halves)
    previous = np.arange(len(rows))
    for _ in range(num_rounds - 1):
        if (labels == previous).all():
            break
        counts = np.zeros(num_groups, np.int64)
        sums[:] = 0
        for i in range(len(rows)):
            counts[labels[i]] += 1
            total = sums[labels[i]]
            for j in range(len(rows)):
                total[j] += products[i, j]
        halves[:] = 0
        for i in range(len(rows)):
            halves[labels[i]] += sums[labels[i], i]
        for k in range(num_groups):
            shares[k] = ONE / np.float32(max(counts[k], 1))
            halves[k] *= HALF * shares[k] * shares[k]
        previous = labels
        labels = next_labels(sums, shares, halves, counts, to_zero, zero_half)
    return labels


@compiled(INTEGERS(MATRIX, INTEGERS, INTEGERS, MATRIX, VECTOR, INTEGERS))
def changed_means(rows, labels, previous, means, halves, counts):
    """The means of the groups that gained or lost a row, and which they are.

    Where that is most of them, of all groups: then group k's is row k of ``means``.
    Otherwise the rows of ``means`` follow the returned numbers. Half the squared
    lengths go to ``halves[k]``, the rows of each group to ``counts``.

    Returns:
        Numbers of the groups whose means were computed.
    """
    num_groups = len(counts)
    changed = np.zeros(max(num_groups, len(rows)), np.bool_)
    counts[:] = 0
    for i in range(len(rows)):
        counts[labels[i]] += 1
        if labels[i] != previous[i]:
            changed[labels[i]] = True
            changed[previous[i]] = True
    for k in range(num_groups):
        changed[k] &= counts[k] > 0
    if 2 * changed[:num_groups].sum() > num_groups:
        changed[:] = True
    groups = changed[:num_groups].nonzero()[0]
    places = np.empty(num_groups, np.int64)
    for place in range(len(groups)):
        places[groups[place]] = place
        means[place] = 0
    for i in range(len(rows)):
        if changed[labels[i]]:
            mean = means[places[labels[i]]]
            for c in range(rows.shape[1]):
                mean[c] += rows[i, c]
    for place in range(len(groups)):
        mean = means[place]
        count = np.float32(max(counts[groups[place]], 1))
        for c in range(rows.shape[1]):
            mean[c] /= count
        halves[groups[place]] = half_length(mean)
    return groups
