"""The findings as tables of columns, also written as CSV files."""

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from .duplicates import DuplicateSet
from .groups import Group
from .neighbor_graph import NeighborGraph

Table = dict[str, list[Any]]
REPRESENTATIVES = 9  # of a group, named in its row


def write_csv(table: Table, path: Path) -> None:
    """Write a table; floats with six digits."""
    with path.open('w', newline='', encoding='utf-8', errors='surrogateescape') as file:
        writer = csv.writer(file)
        writer.writerow(table)
        for row in zip(*table.values(), strict=True):
            writer.writerow(f'{v:.6g}' if isinstance(v, float) else v for v in row)


def images_table(
    files: Sequence[str],
    classes: Sequence[str] | None,
    labels: dict[str, np.ndarray],
    points: np.ndarray,
    scores: np.ndarray,
) -> Table:
    """One row per image: groups of all levels, map coordinates, outlier score."""
    table: Table = {'file': list(files)}
    if classes is not None:
        table['label'] = list(classes)
    table |= {name: numbers.tolist() for name, numbers in labels.items()}
    table |= {'x': points[:, 0].tolist(), 'y': points[:, 1].tolist()}
    return {**table, 'outlier_score': scores.tolist()}


def groups_table(groups: Sequence[Group], files: Sequence[str]) -> Table:
    """One row per group of each level."""
    return {
        'method': [group.method for group in groups],
        'level': [group.level for group in groups],
        'group': [group.number for group in groups],
        'name': [group.name for group in groups],
        'purity': [group.purity for group in groups],
        'size': [len(group.members) for group in groups],
        'spread': [group.spread for group in groups],
        'representatives': [
            ' | '.join(files[i] for i in group.members[:REPRESENTATIVES])
            for group in groups
        ],
    }


def duplicates_table(sets: Sequence[DuplicateSet], files: Sequence[str]) -> Table:
    """One row per image of a set of near-duplicates."""
    pairs = [
        (number, files[i], float(cosine))
        for number, part in enumerate(sets, start=1)
        for i, cosine in zip(part.members, part.similarities, strict=True)
    ]
    columns = [list(column) for column in zip(*pairs, strict=True)] or [[], [], []]
    return dict(zip(('set', 'file', 'similarity'), columns, strict=True))


def ranked_table(
    indices: np.ndarray, files: Sequence[str], **values: np.ndarray
) -> Table:
    """Files in order, with a column for each kind of value."""
    table: Table = {
        'rank': list(range(1, len(indices) + 1)),
        'file': [files[i] for i in indices],
    }
    return table | {name: numbers.tolist() for name, numbers in values.items()}


def neighbors_table(graph: NeighborGraph, files: Sequence[str]) -> Table:
    """One row per image and neighbor, the nearest first."""
    count, k = graph.indices.shape
    return {
        'file': [files[i] for i in range(count) for _ in range(k)],
        'rank': list(range(1, k + 1)) * count,
        'neighbor': [files[i] for i in graph.indices.ravel().tolist()],
        'similarity': graph.similarities.ravel().tolist(),
    }
