"""Which images to check or label first: outliers and a diverse subset.

Sources: distance to the k nearest neighbors as outlier score (Ramaswamy et al., 2000);
k-center greedy for active learning (Sener and Savarese, arXiv 1708.00489).
"""

import numpy as np

from .neighbor_graph import NeighborGraph


def outlier_scores(graph: NeighborGraph, k: int = 10) -> np.ndarray:
    """Mean cosine distance ``(N,)`` to the k nearest images; high is unusual."""
    return 1 - graph.similarities[:, :k].mean(axis=1)


def k_center(features: np.ndarray, number: int) -> tuple[np.ndarray, np.ndarray]:
    """A diverse subset: each next image is the farthest from those chosen before.

    The first is the image nearest to the mean. Any first n are a diverse subset of n.

    Args:
        features: ``(N, C)`` float32 of unit length.
        number: images; at most N.

    Returns:
        Indices ``(number,)`` in order, and after each choice the largest cosine
        distance of any image to its nearest chosen one.
    """
    number = min(number, len(features))
    chosen = int((features @ features.mean(axis=0)).argmax())
    nearest = np.full(len(features), np.inf, dtype=np.float32)
    indices, radii = [], []
    for _ in range(number):
        indices.append(chosen)
        np.minimum(nearest, 1 - features @ features[chosen], out=nearest)
        nearest[chosen] = -np.inf  # never twice, even if all images are equal
        radii.append(max(float(nearest.max()), 0.0))
        chosen = int(nearest.argmax())
    return np.array(indices), np.array(radii)
