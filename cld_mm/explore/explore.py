"""All findings about a set of images, in one folder with one page."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from .duplicates import DuplicateSet, find_duplicates
from .groups import (
    Group,
    default_levels,
    describe_groups,
    hierarchical_labels,
    kmeans_labels,
)
from .image_map import choose_method, map_images
from .neighbor_graph import NeighborGraph, neighbor_graph
from .selection import k_center, outlier_scores
from .tables import (
    Table,
    duplicates_table,
    groups_table,
    images_table,
    neighbors_table,
    ranked_table,
    write_csv,
)
from .unit_features import center_and_reduce

MOST_NEIGHBORS = 10


@dataclass
class Exploration:
    """What was found; all indices are positions in ``files``.

    Attributes:
        files: names of the images.
        classes: class of each image, '' for none; None without labels.
        features: centered unit features ``(N, C)``, which images are compared by.
        groups: of all levels.
        duplicates: sets of near-duplicates, the most similar first.
        outliers: indices, the most unusual first.
        outlier_scores: of each image ``(N,)``.
        selected: a diverse subset, in order.
        graph: nearest neighbors.
        points: coordinates on the map ``(N, 2)``.
        map_method: 'umap', 'tsne' or 'pca'.
        tables: all findings as columns; each is also a CSV file.
        seconds: of each step.
        page: the page, once it is written.
        unreadable: number of images on the page whose files could not be read.
    """

    files: list[str]
    classes: list[str] | None
    features: np.ndarray
    groups: list[Group]
    duplicates: list[DuplicateSet]
    outliers: np.ndarray
    outlier_scores: np.ndarray
    selected: np.ndarray
    graph: NeighborGraph
    points: np.ndarray
    map_method: str
    tables: dict[str, Table]
    seconds: dict[str, float] = field(default_factory=dict)
    page: Path | None = None
    unreadable: int = 0


def explore_features(
    features: np.ndarray,
    files: Sequence[str],
    classes: Sequence[str] | None = None,
    levels: Sequence[int] | None = None,
    num_select: int = 100,
    num_outliers: int = 100,
    duplicate_threshold: float = 0.98,
    map_method: str = 'auto',
    seed: int = 0,
) -> Exploration:
    """Groups, near-duplicates, outliers, a diverse subset, neighbors and a map.

    Images are compared by the cosine of their features minus the mean feature.

    Args:
        features: ``(N, C)``, at least 3 images.
        files: N names.
        classes: N class names, '' for none; None without labels.
        levels: numbers of groups; by default 8, 32 and 128 if there are enough images.
        num_select: size of the diverse subset.
        num_outliers: how many outliers are listed.
        duplicate_threshold: smallest cosine of near-duplicates.
        map_method: 'umap', 'tsne', 'pca' or 'auto'.
        seed: of the random numbers.

    Raises:
        ValueError: features are not finite, or a setting is out of range.
        ImportError: UMAP without umap-learn.
    """
    count = len(features)
    levels = sorted(set(levels or default_levels(count)))
    _check(count, levels, num_select, num_outliers, duplicate_threshold)
    method = choose_method(map_method, count)
    seconds: dict[str, float] = {}
    with timed(seconds, 'features'):
        unit = center_and_reduce(features)
    with timed(seconds, 'neighbors'):
        graph = neighbor_graph(unit, MOST_NEIGHBORS + 4)  # UMAP takes 15 with itself
    groups: list[Group] = []
    labels: dict[str, np.ndarray] = {}
    with timed(seconds, 'groups'):
        tree = hierarchical_labels(unit, levels, seed)
        for name, level, found in [
            *(('kmeans', level, kmeans_labels(unit, level, seed)) for level in levels),
            *(('hierarchical', level, found) for level, found in tree.items()),
        ]:
            described = describe_groups(unit, found, name, level, classes)
            groups += described
            column = labels[f'{name}_{level}'] = np.zeros(count, dtype=int)
            for group in described:
                column[group.members] = group.number
    with timed(seconds, 'duplicates'):
        duplicates = find_duplicates(graph, duplicate_threshold)
    with timed(seconds, 'outliers'):
        scores = outlier_scores(graph)
        outliers = np.argsort(-scores, kind='stable')[:num_outliers]
    with timed(seconds, 'subset'):
        selected, radii = k_center(unit, num_select)
    with timed(seconds, f'map ({method})'):
        points = map_images(unit, graph, method, seed)
    graph = NeighborGraph(*(part[:, :MOST_NEIGHBORS] for part in graph))
    tables = {
        'images': images_table(files, classes, labels, points, scores),
        'groups': groups_table(groups, files),
        'duplicates': duplicates_table(duplicates, files),
        'outliers': ranked_table(outliers, files, score=scores[outliers]),
        'subset': ranked_table(selected, files, largest_distance=radii),
        'neighbors': neighbors_table(graph, files),
    }
    return Exploration(
        list(files),
        None if classes is None else list(classes),
        unit,
        groups,
        duplicates,
        outliers,
        scores,
        selected,
        graph,
        points,
        method,
        tables,
        seconds,
    )


def write_tables(found: Exploration, out: Path) -> None:
    """Write every table as a CSV file."""
    out.mkdir(parents=True, exist_ok=True)
    for name, table in found.tables.items():
        write_csv(table, out / f'{name}.csv')


def _check(
    count: int, levels: list[int], num_select: int, num_outliers: int, threshold: float
) -> None:
    if count < 3:
        raise ValueError(f'{count} images are too few to explore: at least 3.')
    if levels[0] < 1 or levels[-1] > count:
        raise ValueError(
            f'levels are {levels}, but must be between 1 and {count}, the number of '
            'images.'
        )
    if min(num_select, num_outliers) < 1:
        raise ValueError(
            f'num_select is {num_select} and num_outliers {num_outliers}: both must be '
            'at least 1.'
        )
    if not -1 <= threshold <= 1:
        raise ValueError(
            f'duplicate_threshold is {threshold}, but is a cosine between -1 and 1.'
        )


@contextmanager
def timed(seconds: dict[str, float], name: str) -> Iterator[None]:
    """Add the seconds that the block takes under a name."""
    start = time.perf_counter()
    yield
    seconds[name] = time.perf_counter() - start
