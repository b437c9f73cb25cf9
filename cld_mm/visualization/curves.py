"""Training curves from mmengine's scalar log."""

import json
from pathlib import Path

import matplotlib
from matplotlib.figure import Figure

matplotlib.use('Agg')

# Okabe and Ito's colours, told apart by colour-blind readers too.
COLOURS = ('#0072B2', '#D55E00', '#009E73', '#CC79A7', '#E69F00', '#56B4E9')
PANELS = {
    'loss': ('loss', 'loss_instance', 'loss_cld'),
    'kNN top-1 (%)': ('knn_backbone/top1', 'knn_instance/top1'),
    'groups: share of hits': ('group_acc',),
    'deviation of a feature dimension': ('feature_std',),
    'learning rate': ('lr',),
    'groups in use': ('groups_used',),
}


def read_scalars(path: Path) -> dict[str, tuple[list[float], list[float]]]:
    """Steps and values of each name in mmengine's ``vis_data/scalars.json``.

    Training values are at iterations; those of an evaluation are at epochs, and
    are moved to the last iteration logged before them.
    """
    curves: dict[str, tuple[list[float], list[float]]] = {}
    iteration = 0.0
    for line in path.read_text().splitlines():
        record = json.loads(line)
        if 'loss' in record:
            iteration = record.get('iter', record['step'])
        for name, value in record.items():
            if isinstance(value, (int, float)) and name not in (
                'step',
                'iter',
                'epoch',
            ):
                steps, values = curves.setdefault(name, ([], []))
                steps.append(iteration)
                values.append(value)
    return curves


def plot_curves(scalars: Path, out: Path) -> None:
    """Draw what was logged, a panel for each kind of value.

    Args:
        scalars: mmengine's ``vis_data/scalars.json``.
        out: picture to write; its suffix chooses PNG or SVG.
    """
    curves = read_scalars(scalars)
    panels = {
        title: [name for name in names if name in curves]
        for title, names in PANELS.items()
    }
    panels = {title: names for title, names in panels.items() if names}
    rows = (len(panels) + 2) // 3
    figure = Figure(figsize=(12, 3.2 * rows), layout='constrained')
    for place, (title, names) in enumerate(panels.items(), start=1):
        axes = figure.add_subplot(rows, 3, place)
        for colour, name in zip(COLOURS, names, strict=False):
            marker = 'o' if len(curves[name][0]) < 15 else None
            axes.plot(*curves[name], color=colour, label=name, marker=marker, ms=4)
        axes.set_title(title, fontsize=11)
        axes.set_xlabel('iteration')
        axes.grid(alpha=0.3)
        axes.spines[['top', 'right']].set_visible(False)
        if len(names) > 1:
            axes.legend(frameon=False, fontsize=9)
    figure.savefig(out, dpi=120)
