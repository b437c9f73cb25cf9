"""Features in 2D: t-SNE, UMAP or principal components.

Sources: t-SNE (van der Maaten and Hinton, 2008), by scikit-learn; UMAP (arXiv
1802.03426), by umap-learn, an extra.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.transforms import Bbox
from sklearn.decomposition import PCA
from sklearn.manifold import TSNE

from .progress import printed_progress
from .style import bare, color_of, distinct, marker_of, plain, save

METHODS = ('tsne', 'umap', 'pca')


def project(
    features: np.ndarray,
    method: str = 'tsne',
    seed: int = 0,
    start: np.ndarray | None = None,
) -> np.ndarray:
    """Coordinates ``(N, 2)`` of features ``(N, C)``, by cosine.

    Args:
        features: ``(N, C)``.
        method: 'tsne', 'umap' or 'pca'.
        seed: of the random numbers.
        start: for t-SNE, coordinates to start from, such as an earlier checkpoint's.

    Raises:
        ValueError: the method is unknown, features are not finite, or there are fewer
            than three.
        ImportError: umap-learn is not installed.
    """
    if method not in METHODS:
        raise ValueError(f'method is {method!r}, but it must be one of {METHODS}.')
    if len(features) < 3:
        raise ValueError(
            f'there are {len(features)} features, but a projection needs at least 3.'
        )
    if not np.isfinite(features).all():
        rows = int((~np.isfinite(features)).any(axis=1).sum())
        raise ValueError(
            f'{rows} of {len(features)} features are not finite: '
            'training diverged, so choose an earlier checkpoint.'
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
        # A seed needs one thread; UMAP warns unless told so.
        kwargs = {'desc': 'UMAP', 'leave': False, 'delay': 3, 'disable': False}
        mapper = UMAP(
            n_neighbors=min(15, len(unit) - 1),
            init='spectral' if len(unit) > 10 else 'random',
            random_state=seed,
            n_jobs=1,
            tqdm_kwds=kwargs,
        )
        return mapper.fit_transform(unit)
    # 50 dimensions keep the neighbors and make it several times faster.
    small = PCA(min(50, *unit.shape), random_state=seed).fit_transform(unit)
    perplexity = min(30.0, (len(unit) - 1) / 3)
    start = small[:, :2] if start is None else start
    # Equal features (of a collapsed network) have no variance to start from.
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
    points: np.ndarray,
    labels: np.ndarray,
    names: Sequence[str],
    out: Path,
    title: str = '',
) -> None:
    """Draw a scatter, with a color and a marker per class or group.

    Names are in a legend, up to 120, and at the median of their points where they do
    not cover another name.

    Args:
        points: ``(N, 2)``.
        labels: ``(N,)`` integers from 0.
        names: of the labels.
        out: picture to write; its suffix chooses PNG or SVG.
        title: above it.
    """
    present = [int(label) for label in np.unique(labels)]
    columns = -(-len(present) // 40) if len(present) <= 120 else 0
    words, short = distinct(names), distinct(names, 18 if columns < 2 else 12)
    figure = Figure(figsize=(8 + 1.4 * columns, 7.4), layout='constrained')
    axes = figure.add_subplot()
    for label in present:
        rows = labels == label
        axes.scatter(
            points[rows, 0],
            points[rows, 1],
            s=14 if len(points) <= 3000 else 6,
            color=color_of(label),
            marker=marker_of(label),
            linewidths=0,
            alpha=0.7,
            label=words[label],
        )
    bare(axes)
    axes.set_aspect('equal', adjustable='datalim')
    axes.set_title(plain(title, 120), fontsize=11)
    if columns:
        figure.legend(
            loc='outside right upper',
            frameon=False,
            fontsize=9 if len(present) <= 25 else 7.5,
            markerscale=1.6,
            alignment='left',
            ncols=columns,
        )
    figure.draw_without_rendering()  # fixes the layout, which text extents depend on
    figure.set_layout_engine('none')
    _name_clouds(axes, {n: points[labels == n] for n in present}, short)
    save(figure, out)


def _name_clouds(
    axes: Axes, clouds: dict[int, np.ndarray], names: Sequence[str]
) -> None:
    """Write names over their points, the largest cloud first, unless they overlap."""
    taken: list[Bbox] = []
    for label in sorted(clouds, key=lambda label: -len(clouds[label])):
        x, y = np.median(clouds[label], axis=0)
        text = axes.text(
            x,
            y,
            names[label],
            color=color_of(label),
            fontsize=9 if len(clouds) <= 25 else 6.5,
            fontweight='bold',
            ha='center',
            va='center',
            # A halo (path effect) would turn the text of an SVG into outlines.
            bbox={'facecolor': 'white', 'alpha': 0.7, 'edgecolor': 'none', 'pad': 0.6},
        )
        box = text.get_window_extent()
        if any(box.overlaps(other) for other in taken):
            text.remove()
        else:
            taken.append(box)
