"""Features prepared for comparison: centered, reduced, of unit length."""

import numpy as np

CHUNK = 16384  # rows at a time


def center_and_reduce(features: np.ndarray, width: int = 128) -> np.ndarray:
    """Unit features ``(N, min(C, width))`` whose cosines tell images apart.

    The features of one network share a large common direction, which makes all cosines
    high. So the mean is subtracted first. Wide features are reduced to their principal
    components.

    Args:
        features: ``(N, C)``.
        width: principal components at most.

    Raises:
        ValueError: features are not finite.
    """
    mean = np.zeros(features.shape[1])
    for start in range(0, len(features), CHUNK):
        part = features[start : start + CHUNK]
        bad = (~np.isfinite(part)).any(axis=1).sum()
        if bad:
            raise ValueError(
                f'{bad} of the first {start + len(part)} features hold NaN or '
                'infinity: training diverged, so choose an earlier checkpoint.'
            )
        mean += part.sum(axis=0, dtype=np.float64)
    center = (mean / len(features)).astype(np.float32)
    axes = None
    if features.shape[1] > width:
        covariance = np.zeros((features.shape[1],) * 2)
        for start in range(0, len(features), CHUNK):
            part = features[start : start + CHUNK] - center
            covariance += part.T @ part
        axes = np.linalg.eigh(covariance)[1][:, -width:].astype(np.float32)
    rows = []
    for start in range(0, len(features), CHUNK):
        part = features[start : start + CHUNK] - center
        part = part if axes is None else part @ axes
        length = np.linalg.norm(part, axis=1, keepdims=True)
        rows.append(part / np.maximum(length, 1e-12))
    return np.concatenate(rows)
