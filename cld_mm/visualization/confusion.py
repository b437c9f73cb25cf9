"""A confusion matrix as a picture."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure


def plot_confusion(
    counts: np.ndarray, names: Sequence[str], out: Path, title: str = ''
) -> None:
    """Draw shares of each true class; cells carry numbers up to 20 classes.

    Args:
        counts: ``(classes, classes)``, true classes in rows.
        names: of the classes.
        out: picture to write; its suffix chooses PNG or SVG.
        title: above it.
    """
    number = len(counts)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    side = max(4.5, min(14, 2.6 + 0.45 * number))
    figure = Figure(figsize=(side + 0.8, side), layout='constrained')
    axes = figure.add_subplot()
    picture = axes.imshow(100 * shares, cmap='cividis', vmin=0, vmax=100)
    figure.colorbar(picture, ax=axes, label='% of the true class', shrink=0.8)
    if number <= 20:
        axes.set_xticks(range(number), names, rotation=45, ha='right', fontsize=8)
        axes.set_yticks(range(number), names, fontsize=8)
        for row, column in np.ndindex(number, number):
            share = 100 * shares[row, column]
            if share >= 0.5:
                colour = 'black' if share > 50 else 'white'
                axes.text(
                    column,
                    row,
                    f'{share:.0f}',
                    ha='center',
                    va='center',
                    fontsize=7,
                    color=colour,
                )
    axes.set_xlabel('predicted')
    axes.set_ylabel('true')
    axes.set_title(title, fontsize=11)
    figure.savefig(out, dpi=120)
