"""A confusion matrix as a picture."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from .style import distinct, plain, save


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
    shares = 100 * counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    side = max(5.5, min(15, 2.6 + 0.45 * number))
    figure = Figure(figsize=(side + 0.8, side), layout='constrained')
    axes = figure.add_subplot()
    picture = axes.imshow(shares, cmap='cividis', vmin=0, vmax=100)
    figure.colorbar(picture, ax=axes, label='% of the true class', shrink=0.8)
    # Every class is named while its row leaves room for letters.
    size = min(9.0, 0.62 * 72 * (side - 2.2) / number)
    step = max(1, int(np.ceil(4.5 / size)))
    size = max(4.5, size)
    places = range(0, number, step)
    words = distinct(names, 24)
    shown = [words[place] for place in places]
    axes.set_xticks(places, shown, rotation=90 if number > 20 else 45, fontsize=size)
    axes.set_yticks(places, shown, fontsize=size)
    if number <= 20:
        for tick in axes.get_xticklabels():
            tick.set(ha='right', rotation_mode='anchor')
        for row, column in np.ndindex(number, number):
            share = shares[row, column]
            if round(share) >= 1:
                axes.text(
                    column,
                    row,
                    f'{share:.0f}',
                    ha='center',
                    va='center',
                    fontsize=8,
                    color='black' if share > 50 else 'white',
                )
    axes.set_xlabel('predicted')
    axes.set_ylabel('true')
    axes.set_title(plain(title, 120), fontsize=11)
    save(figure, out)
