"""Compare two samples of augmented views by the distribution of what they show."""

from collections.abc import Sequence

import numpy as np

# Two samples of 4,000 differ by more than this once in 3,000 cases.
LIMIT = 0.045


def measures(views: Sequence[np.ndarray]) -> np.ndarray:
    """What a wrong distribution would shift, for each view ``(N, 8)``."""
    x = np.stack(views).astype(np.float32)
    colors = x.mean((1, 2))
    colorful = (x.max(-1) - x.min(-1)).mean((1, 2))
    sharp = np.log(1 + np.abs(np.diff(x, axis=2)).mean((1, 2, 3)))
    half = x.shape[2] // 2
    sides = x[:, :, :half].mean((1, 2, 3)) - x[:, :, half:].mean((1, 2, 3))
    hue = colors[:, 0] - colors[:, 1]
    spread = x.std((1, 2, 3))
    return np.column_stack([colors, colorful, sharp, sides, hue, spread])


def furthest(one: Sequence[np.ndarray], two: Sequence[np.ndarray]) -> float:
    """The largest Kolmogorov-Smirnov distance of a measure."""
    found = []
    for a, b in zip(measures(one).T, measures(two).T, strict=True):
        points = np.concatenate([a, b])
        below = [np.searchsorted(np.sort(x), points, 'right') / len(x) for x in (a, b)]
        found.append(np.abs(below[0] - below[1]).max())
    return max(found)
