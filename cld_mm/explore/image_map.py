"""Images on a map: 2D coordinates by UMAP, t-SNE or PCA."""

import importlib.util

import numpy as np
from sklearn.decomposition import PCA

from cld_mm.visualization import project

from .neighbor_graph import NeighborGraph

METHODS = ('auto', 'umap', 'tsne', 'pca')
MOST_TSNE = 5000  # images; beyond, it takes minutes


def choose_method(method: str, count: int) -> str:
    """UMAP if umap-learn is installed, else t-SNE up to 5000 images, else PCA.

    Raises:
        ValueError: the method is unknown.
    """
    if method not in METHODS:
        raise ValueError(f'map is {method!r}, but must be one of {METHODS}.')
    if count < 5:
        return 'pca'
    if method != 'auto':
        return method
    if importlib.util.find_spec('umap'):
        return 'umap'
    return 'tsne' if count <= MOST_TSNE else 'pca'


def map_images(
    features: np.ndarray, graph: NeighborGraph, method: str, seed: int = 0
) -> np.ndarray:
    """Coordinates ``(N, 2)`` in [-1, 1].

    Args:
        features: ``(N, C)`` of unit length.
        graph: nearest neighbors, from which UMAP starts.
        method: 'umap', 'tsne' or 'pca'.
        seed: of the random numbers.

    Raises:
        ImportError: UMAP without umap-learn.
    """
    if method == 'pca':
        width = min(2, *features.shape)
        points = PCA(width, random_state=seed).fit_transform(features)
        points = np.pad(points, ((0, 0), (0, 2 - width)))
    elif method == 'umap' and len(features) > MOST_TSNE:
        points = _umap(features, graph, seed)
    else:
        points = project(features, method, seed)
    # The longest direction is horizontal, as screens are.
    points = points - points.mean(axis=0)
    points = points @ np.linalg.svd(points.T @ points)[0]
    points -= (points.max(axis=0) + points.min(axis=0)) / 2
    return (points / max(np.abs(points).max(), 1e-12)).astype(np.float32)


def _umap(features: np.ndarray, graph: NeighborGraph, seed: int) -> np.ndarray:
    """UMAP on the neighbors that are known already."""
    try:
        from umap import UMAP
    except ImportError as error:
        raise ImportError(
            'UMAP needs umap-learn: pip install umap-learn, or choose pca.'
        ) from error
    k = min(15, graph.indices.shape[1] + 1)
    itself = np.arange(len(features))[:, None]
    indices = np.concatenate([itself, graph.indices[:, : k - 1]], axis=1)
    distances = np.maximum(1 - graph.similarities[:, : k - 1], 0)
    distances = np.concatenate([np.zeros_like(itself, np.float32), distances], axis=1)
    start = PCA(2, random_state=seed).fit_transform(features)
    mapper = UMAP(
        n_neighbors=k,
        metric='cosine',
        init=10 * start / np.abs(start).max(),
        precomputed_knn=(indices, distances),
        n_epochs=200,
        verbose=False,
    )
    return mapper.fit_transform(features)
