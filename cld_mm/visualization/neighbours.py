"""Queries and their nearest images, before and after training."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from .style import RIGHT, WRONG, plain, save


def plot_neighbours(
    queries: np.ndarray,
    query_names: Sequence[str],
    before: tuple[np.ndarray, np.ndarray],
    after: tuple[np.ndarray, np.ndarray],
    out: Path,
    shares: tuple[float, float] | None = None,
    titles: tuple[str, str] = ('before', 'after'),
) -> None:
    """Draw one row a query: the query, its neighbours before, and after.

    Args:
        queries: ``(R, H, W)`` or ``(R, H, W, 3)`` uint8.
        query_names: the class name of each query.
        before: neighbours ``(R, k, H, W[, 3])`` and whether each is of the
            query's class, ``(R, k)`` bool.
        after: the same after training.
        out: picture to write; its suffix chooses PNG or SVG.
        shares: share of right neighbours among those of all test images, before and
            after, for the titles; without it, among those shown.
        titles: of the two sides.
    """
    rows, k = before[1].shape
    scope = 'shown' if shares is None else 'all queries'
    shares = shares or (float(before[1].mean()), float(after[1].mean()))
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
        for first, (images, right), title, share in (
            (2, before, titles[0], shares[0]),
            (3 + k, after, titles[1], shares[1]),
        ):
            heading = f'{title}: {100 * share:.1f} % right ({scope})'
            for place in range(k):
                axes = figure.add_subplot(grid[row, first + place])
                _show(
                    axes,
                    images[row, place],
                    RIGHT if right[row, place] else WRONG,
                    dashed=not right[row, place],
                )
                if row == 0 and place == k // 2:
                    axes.set_title(heading, fontsize=10)
    figure.supxlabel(
        'blue: same class as the query; orange, dashed: another class', fontsize=9
    )
    save(figure, out)


def _show(
    axes, image: np.ndarray, frame: str = '#000000', dashed: bool = False
) -> None:
    axes.imshow(image, cmap='gray', vmin=0, vmax=255)
    axes.set_xticks([])
    axes.set_yticks([])
    for spine in axes.spines.values():
        spine.set_color(frame)
        spine.set_linewidth(2)
        spine.set_linestyle((0, (3, 2)) if dashed else '-')
