"""Did pre-training help? Linear probes on few and many labels, two networks paired.

Both networks get the same labels, the same test images and the same draws, so that the
difference is that of the features. Its confidence interval holds two sources of
chance: which images were labeled (the draws), and which images were tested.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import t as student
from tqdm import tqdm

from .functional.classifiers import make_classifier

FRACTIONS = (0.01, 0.05, 0.1, 1.0)


@dataclass
class ComparisonRow:
    """Top-1 of both networks with one fraction of the labels, in percent.

    Attributes:
        fraction: of the training labels.
        num_labels: labels used, at least one per class.
        draws: random choices of the labels.
        first, second: mean top-1 of each network.
        difference: first minus second.
        low, high: 95 % confidence interval of the difference.
    """

    fraction: float
    num_labels: int
    draws: int
    first: float
    second: float
    difference: float
    low: float
    high: float


def compare_features(
    first: np.ndarray,
    second: np.ndarray,
    labels: Sequence[str],
    fractions: Sequence[float] = FRACTIONS,
    draws: int = 5,
    test_fraction: float = 0.2,
    seed: int = 0,
) -> list[ComparisonRow]:
    """Linear probes of two networks on fractions of the labels.

    Args:
        first: features ``(N, C)`` of one network.
        second: features ``(N, D)`` of the other, of the same images.
        labels: N class names.
        fractions: of the training labels; drawn per class, at least one each.
        draws: how often labels are drawn; all labels are used once.
        test_fraction: of each class, held out for testing.
        seed: of the split and the draws.

    Raises:
        ValueError: lengths differ, features are not finite, there are fewer than two
            classes, a class has a single image, or a setting is out of range.
    """
    _check(first, second, labels, fractions, draws, test_fraction)
    _, y = np.unique(np.asarray(labels), return_inverse=True)
    rng = np.random.default_rng(seed)
    test = _draw(y, np.arange(len(y)), test_fraction, rng)
    train = np.setdiff1d(np.arange(len(y)), test)
    rows = []
    bar = tqdm(fractions, 'linear probes', leave=False, delay=2, disable=None)
    for fraction in bar:
        right = []  # of each draw: both networks' hits on the test images
        number = draws if fraction < 1 else 1
        for _ in range(number):
            chosen = train if fraction == 1 else _draw(y, train, fraction, rng)
            hits = [_hits(x, y, chosen, test) for x in (first, second)]
            right.append(np.stack(hits))
        rows.append(_row(fraction, len(chosen), np.stack(right)))
    return rows


def _check(
    first: np.ndarray,
    second: np.ndarray,
    labels: Sequence[str],
    fractions: Sequence[float],
    draws: int,
    test_fraction: float,
) -> None:
    if not len(first) == len(second) == len(labels):
        raise ValueError(
            f'{len(first)} and {len(second)} features and {len(labels)} labels: both '
            'networks need features of the same labeled images.'
        )
    if not (np.isfinite(first).all() and np.isfinite(second).all()):
        raise ValueError('features hold NaN or infinity: choose another checkpoint.')
    names, counts = np.unique(np.asarray(labels), return_counts=True)
    if len(names) < 2 or counts.min() < 2:
        least = names[counts.argmin()] if len(names) else 'none'
        raise ValueError(
            f'{len(names)} classes, the smallest ({least}) with '
            f'{counts.min(initial=len(labels))} images: at least 2 classes of 2 images '
            'are needed, one to train and one to test.'
        )
    if not fractions or not all(0 < part <= 1 for part in fractions) or draws < 2:
        raise ValueError(
            f'fractions are {list(fractions)} and draws {draws}: fractions must be in '
            '(0, 1], and at least 2 draws are needed for a confidence interval.'
        )
    if not 0 < test_fraction < 1:
        raise ValueError(f'test_fraction must be in (0, 1), got {test_fraction}.')


def _draw(
    y: np.ndarray, rows: np.ndarray, fraction: float, rng: np.random.Generator
) -> np.ndarray:
    """A fraction of each class's rows, at least one, and never all of several."""
    chosen = []
    for label in np.unique(y[rows]):
        own = rng.permutation(rows[y[rows] == label])
        most = max(1, len(own) - 1)
        chosen.append(own[: min(most, max(1, round(fraction * len(own))))])
    return np.sort(np.concatenate(chosen))


def _hits(
    x: np.ndarray, y: np.ndarray, fit: np.ndarray, test: np.ndarray
) -> np.ndarray:
    model = make_classifier(C=0.1, max_iter=300)
    model.fit(x[fit], y[fit])
    return model.predict(x[test]) == y[test]


def _row(fraction: float, num_labels: int, right: np.ndarray) -> ComparisonRow:
    """Means and interval from hits ``(draws, 2, test images)``."""
    draws, _, tested = right.shape
    gain = right[:, 0].astype(float) - right[:, 1]
    # Two independent parts: the test images, and the draws of labels.
    variance = gain.mean(axis=0).var(ddof=1) / tested if tested > 1 else np.inf
    freedom = float(tested - 1)
    if draws > 1:
        of_draws = gain.mean(axis=1).var(ddof=1) / draws
        total = variance + of_draws
        if total > 0:  # Welch-Satterthwaite
            parts = variance**2 / (tested - 1) + of_draws**2 / (draws - 1)
            freedom = total**2 / parts
        variance = total
    margin = float(student.ppf(0.975, max(freedom, 1)) * np.sqrt(variance))
    first, second = 100 * right.mean(axis=(0, 2))
    difference = float(first - second)
    return ComparisonRow(
        fraction,
        num_labels,
        draws,
        float(first),
        float(second),
        difference,
        difference - 100 * margin,
        difference + 100 * margin,
    )
