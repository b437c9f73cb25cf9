"""A confusion matrix as a picture."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from .style import distinct, plain, save


def plot_confusion(
    counts: np.ndarray, names: Sequence[str], out: Path, title: str = ''
) -> None:
    """Draw the percentage of each true class; with numbers up to 20 classes.

    Args:
        counts: ``(classes, classes)``, true classes in rows.
        names: of the classes.
        out: picture to write; its suffix chooses PNG or SVG.
        title: above it.
    """
    number = len(counts)
    percent = 100 * counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    side = max(5.5, min(15, 2.6 + 0.45 * number))
    figure = Figure(figsize=(side + 0.8, side), layout='constrained')
    axes = figure.add_subplot()
    picture = axes.imshow(percent, cmap='cividis', vmin=0, vmax=100)
    figure.colorbar(picture, ax=axes, label='% of the true class', shrink=0.8)
    # All classes are named while rows are tall enough for text.
    size = min(9.0, 0.62 * 72 * (side - 2.2) / number)
    step = max(1, int(np.ceil(4.5 / size)))
    size = max(4.5, size)
    ticks = range(0, number, step)
    words = distinct(names, 24)
    shown = [words[tick] for tick in ticks]
    axes.set_xticks(ticks, shown, rotation=90 if number > 20 else 45, fontsize=size)
    axes.set_yticks(ticks, shown, fontsize=size)
    if number <= 20:
        for tick in axes.get_xticklabels():
            tick.set(ha='right', rotation_mode='anchor')
        for row, column in np.ndindex(number, number):
            value = percent[row, column]
            if round(value) >= 1:
                axes.text(
                    column,
                    row,
                    f'{value:.0f}',
                    ha='center',
                    va='center',
                    fontsize=8,
                    color='black' if value > 50 else 'white',
                )
    axes.set_xlabel('predicted')
    axes.set_ylabel('true')
    axes.set_title(plain(title, 120), fontsize=11)
    save(figure, out)
