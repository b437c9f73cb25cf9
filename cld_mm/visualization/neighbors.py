"""Queries and their nearest images, before and after training."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from .style import RIGHT, WRONG, plain, save

Neighbors = tuple[np.ndarray, np.ndarray | None]


def plot_neighbors(
    queries: np.ndarray,
    query_names: Sequence[str],
    before: Neighbors,
    after: Neighbors,
    out: Path,
    fractions: tuple[float, float] | None = None,
    titles: tuple[str, str] = ('before', 'after'),
) -> None:
    """Draw one row per query: the query, its neighbors before, and after.

    Args:
        queries: ``(R, H, W)`` or ``(R, H, W, 3)`` uint8.
        query_names: class or file name of each query.
        before: neighbors ``(R, k, H, W[, 3])`` before training and whether each is of
            the query's class, ``(R, k)`` bool, or None where images are unlabeled.
        after: the same after training.
        out: picture to write; its suffix chooses PNG or SVG.
        fractions: of right neighbors of all images, before and after, for the titles;
            without it, of those shown.
        titles: of the two sides.
    """
    rows, k = before[0].shape[:2]
    heads = list(titles)
    if before[1] is not None and after[1] is not None:
        scope = 'shown' if fractions is None else 'all queries'
        fractions = fractions or (float(before[1].mean()), float(after[1].mean()))
        heads = [
            f'{title}: {100 * fraction:.1f} % right ({scope})'
            for title, fraction in zip(titles, fractions, strict=True)
        ]
    widths = [1, 0.25, *[1] * k, 0.25, *[1] * k]
    figure = Figure(
        figsize=(1.5 + 0.7 * sum(widths), 0.75 * rows + 0.9), layout='constrained'
    )
    grid = figure.add_gridspec(rows, len(widths), width_ratios=widths)
    for row in range(rows):
        axes = figure.add_subplot(grid[row, 0])
        _show(axes, queries[row])
        axes.set_ylabel(
            plain(query_names[row], 20),
            rotation=0,
            ha='right',
            va='center',
            fontsize=9,
            labelpad=6,
        )
        if row == 0:
            axes.set_title('query', fontsize=10)
        for side, (first, (images, right)) in enumerate(((2, before), (3 + k, after))):
            for column in range(k):
                axes = figure.add_subplot(grid[row, first + column])
                hit = None if right is None else bool(right[row, column])
                _show(axes, images[row, column], hit)
                if row == 0 and column == k // 2:
                    axes.set_title(heads[side], fontsize=10)
    if before[1] is not None:
        figure.supxlabel(
            'blue: same class as the query; orange, dashed: another class', fontsize=9
        )
    save(figure, out)


def _show(axes: Axes, image: np.ndarray, right: bool | None = None) -> None:
    axes.imshow(image, cmap='gray', vmin=0, vmax=255)
    axes.set_xticks([])
    axes.set_yticks([])
    colors = {None: '#000000', True: RIGHT, False: WRONG}
    for spine in axes.spines.values():
        spine.set(
            color=colors[right],
            linewidth=0.6 if right is None else 2,
            linestyle=(0, (3, 2)) if right is False else '-',
        )
