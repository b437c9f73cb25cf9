"""Groups at several levels: k-means, and a hierarchy whose levels are nested."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.cluster.hierarchy import cut_tree, linkage
from sklearn.cluster import KMeans

FITTED = 20_000  # images at most that k-means is fitted on; it assigns the others
LEAVES = 1000  # of the hierarchy; more images are grouped by k-means first


@dataclass
class Group:
    """One group of a level.

    Attributes:
        method: 'kmeans' or 'hierarchical'.
        level: number of groups of the level.
        number: of the group, from 1, the largest first.
        name: the most frequent class, or 'group N' without labels.
        purity: fraction of the labeled members of that class; None without labels.
        members: indices from the most to the least central image.
        spread: mean cosine distance of the members to the center; 0 is tight.
    """

    method: str
    level: int
    number: int
    name: str
    purity: float | None
    members: np.ndarray
    spread: float


def default_levels(count: int) -> list[int]:
    """Three levels for N images: 8, 32 and 128 groups of at least 4 images."""
    levels = [level for level in (8, 32, 128) if level <= count // 4]
    return levels or [min(2, count)]


def kmeans_labels(features: np.ndarray, level: int, seed: int = 0) -> np.ndarray:
    """k-means groups ``(N,)`` of unit features ``(N, C)``."""
    fitted = features
    if len(features) > FITTED:
        rows = np.random.default_rng(seed).permutation(len(features))[:FITTED]
        fitted = features[np.sort(rows)]
    model = KMeans(
        level,
        init='k-means++' if level <= 256 else 'random',
        n_init=1,
        max_iter=50 if level <= 256 else 20,
        random_state=seed,
    )
    return model.fit(fitted).predict(features)


def hierarchical_labels(
    features: np.ndarray, levels: Sequence[int], seed: int = 0
) -> dict[int, np.ndarray]:
    """Nested groups ``(N,)`` for each level by Ward's method.

    More than 1000 images are grouped by k-means first; the hierarchy is then built on
    the centers, and levels are at most as many groups as there are centers.
    """
    leaves = np.arange(len(features))
    centers = features
    if len(features) > LEAVES:
        leaves = kmeans_labels(features, LEAVES, seed)
        _, leaves = np.unique(leaves, return_inverse=True)  # without empty groups
        sums = np.zeros((leaves.max() + 1, features.shape[1]))
        np.add.at(sums, leaves, features)
        centers = sums / np.bincount(leaves)[:, None]
    tree = linkage(centers, 'ward')
    cut = cut_tree(tree, [min(level, len(centers)) for level in levels])
    return {level: cut[leaves, column] for column, level in enumerate(levels)}


def describe_groups(
    features: np.ndarray,
    labels: np.ndarray,
    method: str,
    level: int,
    classes: Sequence[str] | None,
) -> list[Group]:
    """The groups of one level, the largest first.

    Args:
        features: ``(N, C)`` of unit length.
        labels: group of each image ``(N,)``.
        method: for the result.
        level: for the result.
        classes: class of each image, '' for none; None without labels.
    """
    order = np.argsort(labels, kind='stable')
    _, starts = np.unique(labels[order], return_index=True)
    found = []
    for rows in np.split(order, starts[1:]):
        center = features[rows].mean(axis=0)
        cosine = features[rows] @ (center / max(np.linalg.norm(center), 1e-12))
        members = rows[np.argsort(-cosine, kind='stable')]
        name, purity = _most_frequent(classes, rows)
        spread = float(1 - cosine.mean())
        found.append(Group(method, level, 0, name, purity, members, spread))
    found.sort(key=lambda group: -len(group.members))
    for number, group in enumerate(found, start=1):
        group.number = number
        group.name = group.name or f'group {number}'
    return found


def _most_frequent(
    classes: Sequence[str] | None, rows: np.ndarray
) -> tuple[str, float | None]:
    counts = Counter(classes[row] for row in rows if classes[row]) if classes else None
    if not counts:
        return '', None
    name, count = counts.most_common(1)[0]
    return name, count / counts.total()
