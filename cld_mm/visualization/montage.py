"""Rows of images, such as the members of groups or the views of an image."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from .style import bare, plain, save, show_image


def plot_rows(
    rows: Sequence[Sequence[np.ndarray]],
    names: Sequence[str],
    out: Path,
    title: str = '',
    heads: Sequence[str] = (),
) -> None:
    """Draw images row by row, each row with a name.

    Args:
        rows: images ``(H, W)`` or ``(H, W, 3)`` of bytes, of any size; rows may
            differ in length.
        names: one per row.
        out: picture to write; its suffix chooses PNG or SVG.
        title: above it.
        heads: names of the columns, or none.

    Raises:
        ValueError: there is no image, or names and rows differ in number.
    """
    width = max((len(row) for row in rows), default=0)
    if width == 0 or len(rows) != len(names):
        raise ValueError(
            f'{len(rows)} rows of up to {width} images and {len(names)} names: each '
            'row needs a name and an image.'
        )
    words = [
        '\n'.join(plain(line, 20) for line in str(name).splitlines()) for name in names
    ]
    characters = max(len(line) for word in words for line in word.splitlines() or [''])
    column = 0.3 + 0.075 * characters  # inches, for the names
    figure = Figure(
        figsize=(
            max(column + 0.85 * width, 3.5),
            0.85 * len(rows) + 0.35 * bool(title) + 0.4 * bool(heads),
        ),
        layout='constrained',
    )
    grid = figure.add_gridspec(
        len(rows), width + 1, width_ratios=[column / 0.85, *[1] * width]
    )
    for top, (row, name) in enumerate(zip(rows, words, strict=True)):
        axes = figure.add_subplot(grid[top, 0])
        axes.text(1, 0.5, name, ha='right', va='center', fontsize=9)
        bare(axes)
        for order, image in enumerate(row):
            axes = figure.add_subplot(grid[top, order + 1])
            show_image(axes, image)
            if top == 0 and order < len(heads):
                axes.set_title(heads[order], fontsize=8)
    figure.suptitle(plain(title, 120), fontsize=11)
    save(figure, out)


def group_members(
    features: np.ndarray, groups: np.ndarray, number: int
) -> dict[int, list[int]]:
    """Images of each group, evenly spread from the most to the least central.

    The most central image has the largest cosine with the group's mean.

    Args:
        features: ``(N, C)`` of unit length.
        groups: ``(N,)``.
        number: images per group at most.
    """
    found = {}
    for group in np.unique(groups):
        rows = np.flatnonzero(groups == group)
        cosine = features[rows] @ features[rows].mean(axis=0)
        ranked = rows[np.argsort(-cosine, kind='stable')]
        kept = np.linspace(0, len(ranked) - 1, min(number, len(ranked))).round()
        found[int(group)] = [int(row) for row in ranked[kept.astype(int)]]
    return found
