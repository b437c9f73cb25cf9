"""Near-duplicates: images whose features are almost equal."""

from dataclasses import dataclass

import numpy as np
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from .neighbor_graph import NeighborGraph


@dataclass
class DuplicateSet:
    """Images that are near-duplicates of each other.

    Attributes:
        members: their indices, ascending.
        similarities: the highest cosine of each to another member.
    """

    members: np.ndarray
    similarities: np.ndarray


def find_duplicates(graph: NeighborGraph, threshold: float) -> list[DuplicateSet]:
    """Sets of images linked by a cosine of at least the threshold.

    The most similar set comes first. Sets are chains: A and C are in one set if both
    are near-duplicates of B.

    Args:
        graph: nearest neighbors.
        threshold: smallest cosine of near-duplicates.
    """
    count = len(graph.indices)
    rows, columns = np.nonzero(graph.similarities >= threshold)
    others = graph.indices[rows, columns]
    links = coo_matrix((np.ones(len(rows)), (rows, others)), (count, count))
    _, labels = connected_components(links, directed=False)
    highest = np.full(count, -1.0)
    for ends in (rows, others):
        np.maximum.at(highest, ends, graph.similarities[rows, columns])
    linked = np.flatnonzero(highest >= threshold)
    order = linked[np.argsort(labels[linked], kind='stable')]
    if not len(order):
        return []
    _, starts = np.unique(labels[order], return_index=True)
    found = [DuplicateSet(part, highest[part]) for part in np.split(order, starts[1:])]
    return sorted(found, key=lambda part: -part.similarities.max())
