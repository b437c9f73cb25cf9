"""Features in the plane: t-SNE, UMAP or principal components.

Sources: t-SNE (van der Maaten and Hinton, 2008), by scikit-learn; UMAP (arXiv
1802.03426), by umap-learn, an extra.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from sklearn.decomposition import PCA
from sklearn.manifold import TSNE

from .style import MARKERS, bare, class_colours

METHODS = ('tsne', 'umap', 'pca')


def embed(
    features: np.ndarray,
    method: str = 'tsne',
    seed: int = 0,
    start: np.ndarray | None = None,
) -> np.ndarray:
    """Places ``(N, 2)`` of features ``(N, C)`` in the plane, by cosine.

    Args:
        features: ``(N, C)``.
        method: 'tsne', 'umap' or 'pca'.
        seed: of what is random in it.
        start: for t-SNE, places to start from, such as an earlier checkpoint's.

    Raises:
        ValueError: the method is unknown, features are not finite, or there are fewer
            than three.
        ImportError: umap-learn is not installed.
    """
    if method not in METHODS:
        raise ValueError(f'method is {method!r}, but it must be one of {METHODS}.')
    if len(features) < 3:
        raise ValueError(
            f'there are {len(features)} features, but a plane needs three at least.'
        )
    if not np.isfinite(features).all():
        rows = int((~np.isfinite(features)).any(axis=1).sum())
        raise ValueError(
            f'{rows} of {len(features)} features are not finite: look at the '
            'checkpoint before its picture.'
        )
    length = np.linalg.norm(features, axis=1, keepdims=True)
    unit = features / np.maximum(length, 1e-12)
    if method == 'pca':
        return PCA(2, random_state=seed).fit_transform(unit)
    if method == 'umap':
        try:
            from umap import UMAP
        except ImportError as error:
            raise ImportError(
                'UMAP needs umap-learn: pip install umap-learn, or choose tsne.'
            ) from error
        return UMAP(random_state=seed).fit_transform(unit)
    # Fifty directions hold what neighbours need, and make it several times faster.
    small = PCA(min(50, *unit.shape), random_state=seed).fit_transform(unit)
    perplexity = min(30.0, (len(unit) - 1) / 3)
    init = 'pca' if start is None else 1e-4 * start / max(start.std(), 1e-12)
    mapper = TSNE(perplexity=perplexity, init=init, random_state=seed)
    return mapper.fit_transform(small)


def plot_embedding(
    places: np.ndarray,
    labels: np.ndarray,
    names: Sequence[str],
    out: Path,
    title: str = '',
) -> None:
    """Draw a scatter, a colour and a marker for each class or group.

    Args:
        places: ``(N, 2)``.
        labels: ``(N,)`` integers from 0.
        names: of the labels.
        out: picture to write; its suffix chooses PNG or SVG.
        title: above it.
    """
    figure = Figure(figsize=(9, 7), layout='constrained')
    axes = figure.add_subplot()
    present = [int(label) for label in np.unique(labels)]
    for label, colour in zip(present, class_colours(len(present)), strict=True):
        rows = labels == label
        axes.scatter(
            places[rows, 0],
            places[rows, 1],
            s=9,
            color=colour,
            marker=MARKERS[label % len(MARKERS)],
            linewidths=0,
            alpha=0.75,
            label=names[label],
        )
    bare(axes)
    axes.set_title(title)
    if len(present) <= 30:
        figure.legend(
            loc='outside right upper', frameon=False, fontsize=9, markerscale=2
        )
    figure.savefig(out, dpi=120)
