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

from .label_placement import name_clouds
from .progress import printed_progress
from .style import bare, colour_of, distinct, marker_of, plain, save

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
        # One thread is what a seed needs: UMAP says so itself where it is not told.
        kwargs = {'desc': 'UMAP', 'leave': False, 'delay': 3, 'disable': False}
        mapper = UMAP(
            n_neighbors=min(15, len(unit) - 1),
            # With a spectral start a handful of images has too few eigenvectors.
            init='spectral' if len(unit) > 10 else 'random',
            random_state=seed,
            n_jobs=1,
            tqdm_kwds=kwargs,
        )
        return mapper.fit_transform(unit)
    # Fifty directions hold what neighbours need, and make it several times faster.
    small = PCA(min(50, *unit.shape), random_state=seed).fit_transform(unit)
    perplexity = min(30.0, (len(unit) - 1) / 3)
    start = small[:, :2] if start is None else start
    # Equal features, as a collapsed network gives, have no spread to start from.
    noise = np.random.default_rng(seed).normal(size=start.shape)
    init = start / start.std() if start.std() > 1e-9 else noise
    mapper = TSNE(
        perplexity=perplexity,
        init=(1e-4 * init).astype(np.float32),
        random_state=seed,
        verbose=2,
    )
    with printed_progress('t-SNE', mapper.max_iter):
        return mapper.fit_transform(small)


def plot_embedding(
    places: np.ndarray,
    labels: np.ndarray,
    names: Sequence[str],
    out: Path,
    title: str = '',
) -> None:
    """Draw a scatter, a colour and a marker for each class or group.

    Names stand at the middle of their dots too, and up to forty in a legend.

    Args:
        places: ``(N, 2)``.
        labels: ``(N,)`` integers from 0.
        names: of the labels.
        out: picture to write; its suffix chooses PNG or SVG.
        title: above it.
    """
    present = [int(label) for label in np.unique(labels)]
    legend = len(present) <= 40
    words, short = distinct(names), distinct(names, 18 if legend else 12)
    figure = Figure(figsize=(9.4 if legend else 8.6, 7.4), layout='constrained')
    axes = figure.add_subplot()
    for label in present:
        rows = labels == label
        axes.scatter(
            places[rows, 0],
            places[rows, 1],
            s=14 if len(places) <= 3000 else 6,
            color=colour_of(label),
            marker=marker_of(label),
            linewidths=0,
            alpha=0.7,
            label=words[label],
        )
    bare(axes)
    axes.set_aspect('equal', adjustable='datalim')
    axes.set_title(plain(title, 120), fontsize=11)
    if legend:
        figure.legend(
            loc='outside right upper',
            frameon=False,
            fontsize=9 if len(present) <= 25 else 7.5,
            markerscale=1.6,
            alignment='left',
        )
    figure.draw_without_rendering()  # the layout, and so the limits, are known then
    box = axes.get_window_extent()
    width, height = (72 * edge / figure.dpi for edge in (box.width, box.height))
    name_clouds(
        axes,
        np.array([np.median(places[labels == label], axis=0) for label in present]),
        [short[label] for label in present],
        [colour_of(label) for label in present],
        (width, height),
        9 if len(present) <= 25 else 6.5,
    )
    figure.set_layout_engine('none')
    save(figure, out)
