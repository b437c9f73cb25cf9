"""Means, deviations, and paired differences with bootstrap intervals."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np


class Difference(NamedTuple):
    """Of two arms over the seeds that both have.

    Attributes:
        mean: of the differences.
        low: end of the 95 % interval, or None below three pairs.
        high: the other end.
        pairs: how many seeds.
    """

    mean: float
    low: float | None
    high: float | None
    pairs: int


def mean_std(values: Sequence[float]) -> tuple[float, float]:
    """Mean and sample standard deviation; 0 for a single value."""
    array = np.asarray(values, dtype=float)
    return float(array.mean()), float(array.std(ddof=1)) if len(array) > 1 else 0.0


def paired_difference(
    ours: dict[int, float],
    theirs: dict[int, float],
    resamples: int = 10_000,
    seed: int = 0,
) -> Difference | None:
    """Difference over shared seeds, with a percentile bootstrap interval.

    Args:
        ours: value by seed.
        theirs: value by seed of the arm that is subtracted.
        resamples: of the pairs, with replacement.
        seed: of the resampling.

    Returns:
        None where no seed is shared.
    """
    seeds = sorted(ours.keys() & theirs.keys())
    if not seeds:
        return None
    differences = np.array([ours[seed] - theirs[seed] for seed in seeds])
    mean = float(differences.mean())
    if len(seeds) < 3:
        return Difference(mean, None, None, len(seeds))
    draws = np.random.default_rng(seed).integers(
        len(seeds), size=(resamples, len(seeds))
    )
    low, high = np.percentile(differences[draws].mean(axis=1), [2.5, 97.5])
    return Difference(mean, float(low), float(high), len(seeds))
