"""Training curves of one or several runs."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from cld_mm.fileio.training_logs import Curves, read_run

from .style import color_of, distinct, marker_of, plain, save

PANELS = {
    'loss': ('loss', 'loss_instance', 'loss_cld'),
    'accuracy (%)': (
        'knn_backbone/top1',
        'knn_instance/top1',
        'accuracy/top1',
        'accuracy_top1',
    ),
    'assignment accuracy of groups': ('group_acc',),
    'groups against classes': ('group_nmi', 'group_adjusted_rand', 'group_purity'),
    'feature standard deviation': ('feature_std',),
    'agreement (0 chance, 1 equal)': (
        'monitor/view_agreement',
        'monitor/epoch_agreement',
        'monitor/neighbor_overlap',
    ),
    'effective rank': ('monitor/effective_rank',),
    'alignment and uniformity': ('monitor/alignment', 'monitor/uniformity'),
    'instance loss / log K (1 is a guess)': ('monitor/loss_over_log_k',),
    'quick accuracy (%)': ('monitor/knn_top1', 'monitor/linear_top1'),
    'learning rate': ('lr',),
    'groups in use': ('groups_used',),
    'group size': ('group_size',),
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
    """Draw what was logged, with one panel per kind of value.

    Args:
        logs: a work dir or a ``scalars.json``, or several by the runs' names: then
            color and marker tell runs apart, and dashes tell values apart.
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
            f'{", ".join(str(file) for file in files.values())}: nothing to draw was '
            'logged, such as loss, lr or an accuracy.'
        )
    several = len(runs) > 1
    columns = min(3, len(panels))
    rows = -(-len(panels) // columns)
    figure = Figure(
        figsize=(4.2 * columns, 3.3 * rows + several * 0.25 * len(runs)),
        layout='constrained',
    )
    last = max(c[0][-1] for run in runs.values() for c in run.values())
    for number, (title, names) in enumerate(panels.items(), start=1):
        axes = figure.add_subplot(rows, columns, number)
        for run, curves in enumerate(runs.values()):
            for order, name in enumerate(names):
                if name in curves:
                    draw_curve(axes, curves[name], run, order, several)
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
                color='#444444' if several else color_of(order),
                linestyle=STYLES[order % 4] if several else '-',
            )
            for order in range(len(names))
        ]
        # Below the panel, so that it covers no curve.
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
            Line2D([], [], color=color_of(n), marker=marker_of(n), markersize=5)
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
    axes: Axes,
    curve: tuple[list[float], list[float]],
    run: int,
    order: int,
    several: bool,
) -> None:
    """Draw one value of one run, with few markers if there are many points."""
    number = len(curve[0])
    marker = marker_of(run) if several else 'o'
    # Shifted between runs, so that markers of similar curves do not coincide.
    step = max(1, number // 8)
    every = ((run * step // 3) % step, step)
    axes.plot(
        *curve,
        color=color_of(run if several else order),
        linestyle=STYLES[order % 4] if several else '-',
        linewidth=1.5,
        marker=marker if several or number < 15 else None,
        markevery=every if several and number >= 15 else None,
        markersize=4,
    )
