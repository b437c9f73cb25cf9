"""Training curves from mmengine's scalar logs, any number over each other."""

import json
from collections.abc import Mapping
from pathlib import Path

from matplotlib.figure import Figure

from .style import COLOURS

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
STYLES = ('-', '--', ':', '-.')
Curves = dict[str, tuple[list[float], list[float]]]


def read_scalars(path: Path) -> Curves:
    """Steps and values of each name in mmengine's ``vis_data/scalars.json``.

    Training values are at iterations; those of an evaluation are at epochs, and
    are moved to the last iteration logged before them. A half-written last line, as
    a killed run leaves it, is passed over.
    """
    curves: Curves = {}
    iteration = 0.0
    for line in path.read_text().splitlines():
        try:
            record = json.loads(line)
        except json.JSONDecodeError:
            continue
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


def newest_scalars(work_dir: Path) -> Path:
    """The newest scalar log of a work dir, or the file itself.

    Raises:
        FileNotFoundError: there is none.
    """
    if work_dir.is_file():
        return work_dir
    found = sorted(work_dir.glob('*/vis_data/scalars.json'))
    if not found:
        raise FileNotFoundError(
            f'{work_dir} has no */vis_data/scalars.json: name the work dir of a '
            'training run.'
        )
    return found[-1]


def plot_curves(logs: Path | Mapping[str, Path], out: Path) -> None:
    """Draw what was logged, a panel for each kind of value.

    Args:
        logs: mmengine's ``vis_data/scalars.json``, or several by the runs' names: then
            a colour is a run and a dash a value.
        out: picture to write; its suffix chooses PNG or SVG.
    """
    files = logs if isinstance(logs, Mapping) else {'': logs}
    runs = {run: read_scalars(path) for run, path in files.items()}
    panels = {
        title: [name for name in names if any(name in run for run in runs.values())]
        for title, names in PANELS.items()
    }
    panels = {title: names for title, names in panels.items() if names}
    columns = min(3, max(1, len(panels)))
    rows = -(-len(panels) // columns)
    figure = Figure(figsize=(4 * columns, 3.2 * max(rows, 1)), layout='constrained')
    for place, (title, names) in enumerate(panels.items(), start=1):
        axes = figure.add_subplot(rows, columns, place)
        for number, (run, curves) in enumerate(runs.items()):
            for order, name in enumerate(names):
                if name not in curves:
                    continue
                axes.plot(
                    *curves[name],
                    color=COLOURS[(number if len(runs) > 1 else order) % len(COLOURS)],
                    linestyle=STYLES[order % 4] if len(runs) > 1 else '-',
                    label=f'{run}: {name}' if run and len(names) > 1 else run or name,
                    marker='o' if len(curves[name][0]) < 15 else None,
                    markersize=4,
                )
        axes.set_title(title, fontsize=11)
        axes.set_xlabel('iteration')
        axes.grid(alpha=0.3)
        axes.spines[['top', 'right']].set_visible(False)
        if len(axes.lines) > 1:
            axes.legend(frameon=False, fontsize=8)
    figure.savefig(out, dpi=120)
