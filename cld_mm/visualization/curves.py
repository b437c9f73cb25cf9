"""Training curves of any number of runs over each other."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from cld_mm.fileio.training_logs import Curves, read_run

from .style import colour_of, distinct, marker_of, plain, save

PANELS = {
    'loss': ('loss', 'loss_instance', 'loss_cld'),
    'accuracy (%)': (
        'knn_backbone/top1',
        'knn_instance/top1',
        'accuracy/top1',
        'accuracy_top1',
    ),
    'groups: share of hits': ('group_acc',),
    'groups against classes': ('group_nmi', 'group_adjusted_rand', 'group_purity'),
    'deviation of a feature dimension': ('feature_std',),
    'learning rate': ('lr',),
    'groups in use': ('groups_used',),
    'images of a group': ('group_size',),
}
STYLES: tuple[Any, ...] = ('-', '--', ':', '-.')


def panels_of(runs: Sequence[Curves]) -> dict[str, list[str]]:
    """Titles of the panels, and the logged names in each that any run has."""
    found = {
        title: [name for name in names if any(name in run for run in runs)]
        for title, names in PANELS.items()
    }
    return {title: names for title, names in found.items() if names}


def plot_curves(logs: Path | Mapping[str, Path], out: Path) -> None:
    """Draw what was logged, a panel for each kind of value.

    Args:
        logs: a work dir or a ``scalars.json``, or several by the runs' names: then a
            colour and a marker are a run, and a dash a value.
        out: picture to write; its suffix chooses PNG or SVG.

    Raises:
        FileNotFoundError: there is no log.
        ValueError: nothing that can be drawn was logged.
    """
    files = logs if isinstance(logs, Mapping) else {'': logs}
    runs = {run: read_run(path) for run, path in files.items()}
    panels = panels_of(list(runs.values()))
    if not panels:
        raise ValueError(
            f'{", ".join(str(file) for file in files.values())}: nothing that is drawn '
            'was logged, such as loss, lr or an accuracy.'
        )
    several = len(runs) > 1
    columns = min(3, len(panels))
    rows = -(-len(panels) // columns)
    figure = Figure(
        figsize=(4.2 * columns, 3.3 * rows + several * 0.25 * len(runs)),
        layout='constrained',
    )
    last = max(c[0][-1] for run in runs.values() for c in run.values())
    for place, (title, names) in enumerate(panels.items(), start=1):
        axes = figure.add_subplot(rows, columns, place)
        for number, curves in enumerate(runs.values()):
            for order, name in enumerate(names):
                if name in curves:
                    draw_curve(axes, curves[name], number, order, several)
        axes.set_title(title, fontsize=11, loc='left')
        axes.set_xlabel('iteration', fontsize=9)
        axes.set_xlim(0, max(last, 1) * 1.03)
        axes.xaxis.set_major_locator(MaxNLocator(5, integer=True, steps=[1, 2, 5, 10]))
        axes.yaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 5, 10]))
        axes.ticklabel_format(axis='y', useOffset=False)
        axes.tick_params(labelsize=8)
        axes.grid(alpha=0.3)
        axes.spines[['top', 'right']].set_visible(False)
        keys = [
            Line2D(
                [],
                [],
                color='#444444' if several else colour_of(order),
                linestyle=STYLES[order % 4] if several else '-',
            )
            for order in range(len(names))
        ]
        # Below the panel: no legend covers a curve.
        axes.legend(
            keys,
            [plain(name) for name in names],
            frameon=False,
            fontsize=8,
            loc='upper left',
            bbox_to_anchor=(-0.02, -0.17),
            ncols=2,
            handlelength=2.6,
        )
    if several:
        handles = [
            Line2D([], [], color=colour_of(n), marker=marker_of(n), markersize=5)
            for n in range(len(runs))
        ]
        figure.legend(
            handles,
            distinct(list(runs), 90),
            loc='outside upper left',
            frameon=False,
            fontsize=9,
            ncols=1 if max(map(len, runs)) > 40 else min(3, len(runs)),
        )
    save(figure, out)


def draw_curve(
    axes, curve: tuple[list[float], list[float]], run: int, order: int, several: bool
) -> None:
    """One value of one run; few points get markers, many some, to tell runs apart."""
    number = len(curve[0])
    marker = marker_of(run) if several else 'o'
    # Shifted from run to run, so that markers of like curves do not meet.
    step = max(1, number // 8)
    every = ((run * step // 3) % step, step)
    axes.plot(
        *curve,
        color=colour_of(run if several else order),
        linestyle=STYLES[order % 4] if several else '-',
        linewidth=1.5,
        marker=marker if several or number < 15 else None,
        markevery=every if several and number >= 15 else None,
        markersize=4,
    )
