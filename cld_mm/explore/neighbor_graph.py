"""The nearest neighbors of every image."""

from typing import Any, NamedTuple

import numpy as np
import torch
from tqdm import tqdm

CHUNK_ELEMENTS = 2**26  # similarities at a time: 256 MiB


class NeighborGraph(NamedTuple):
    """Nearest other images of each image, the nearest first.

    Attributes:
        indices: ``(N, k)``.
        similarities: cosines ``(N, k)``.
    """

    indices: np.ndarray
    similarities: np.ndarray


def neighbor_graph(features: np.ndarray, k: int) -> NeighborGraph:
    """The exact k nearest other images of each image.

    Args:
        features: ``(N, C)`` float32 of unit length.
        k: neighbors; at most N - 1.
    """
    k = min(k, len(features) - 1)
    rows = torch.from_numpy(features)
    step = max(1, CHUNK_ELEMENTS // len(rows))
    indices, similarities = [], []
    for start in _progress(range(0, len(rows), step)):
        cosine = rows[start : start + step] @ rows.t()
        own = torch.arange(start, start + len(cosine))
        cosine[torch.arange(len(cosine)), own] = -torch.inf
        found = cosine.topk(k, dim=1)
        indices.append(found.indices.int())
        similarities.append(found.values)
    return NeighborGraph(torch.cat(indices).numpy(), torch.cat(similarities).numpy())


def _progress(steps: range) -> Any:
    return tqdm(steps, 'neighbors', unit='chunk', leave=False, delay=2, disable=None)
