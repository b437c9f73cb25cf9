"""The page: an escaped Jinja template with the scripts inlined."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader
from markupsafe import Markup, escape
from plotly.offline import get_plotlyjs

from cld_mm.fileio.json_values import replace_non_finite
from cld_mm.fileio.training_logs import Curves
from cld_mm.visualization.curves import panels_of
from cld_mm.visualization.style import COLORS

from .collect import Run
from .snapshots import Snapshot

FOLDER = Path(__file__).parent
SIDES = {
    'pixels': 'raw pixels',
    'untrained': 'untrained network',
    'trained': 'trained network',
}
MEASURE_NAMES = {'linear': 'linear', 'knn': 'kNN'}
POINTS = 2000  # per curve; longer ones are thinned, as the page says


def write_page(
    runs: Sequence[Run], snapshots: Sequence[Snapshot | None], out: Path
) -> None:
    """Write the report.

    Args:
        runs: shown side by side.
        snapshots: of each run, or None if it has no checkpoint.
        out: HTML file to write.
    """
    runs = unlike_names(runs)
    shown = panels_of([run.curves for run in runs])
    environment = Environment(loader=FileSystemLoader(FOLDER), autoescape=True)
    environment.filters |= {'readable': readable, 'breakable': breakable, 'zip': zip}
    page = environment.get_template('page.html').render(
        runs=runs,
        snapshots=snapshots,
        finals=figures(runs),
        comparison_columns=comparison_columns,
        side_names=SIDES,
        style=Markup((FOLDER / 'page.css').read_text()),  # noqa: S704 our own file
        scripts=[
            Markup((FOLDER / name).read_text())  # noqa: S704 our own files
            for name in ('curves.js', 'checkpoints.js')
        ],
        thinned=any(len(c[0]) > POINTS for run in runs for c in run.curves.values()),
        points=POINTS,
        plotly=Markup(get_plotlyjs()),  # noqa: S704 the library's script
        data=embedded(
            {
                'runs': [run.name for run in runs],
                'curves': [drawn(run.curves, shown) for run in runs],
                'panels': shown,
                'colors': COLORS,
                'snapshots': [asdict(s) if s else None for s in snapshots],
            }
        ),
    )
    # Folder names may hold bytes that are not UTF-8.
    out.write_text(page, encoding='utf-8', errors='backslashreplace')


def unlike_names(runs: Sequence[Run]) -> Sequence[Run]:
    """Runs with distinct names: those of equal names get their parents as prefix.

    Raises:
        ValueError: one work dir is given twice.
    """
    paths = [run.work_dir.resolve() for run in runs]
    for level in (2, None):
        names = [run.name for run in runs]
        for run, path in zip(runs, paths, strict=True):
            if names.count(run.name) > 1:
                run.name = '/'.join(path.parts[-level:]) if level else str(path)
    names = [run.name for run in runs]
    twice = [name for name in names if names.count(name) > 1]
    if twice:
        raise ValueError(f'{twice[0]} is given twice: give each work dir once.')
    return runs


def drawn(curves: Curves, panels: dict[str, list[str]]) -> Curves:
    """The curves to draw, thinned for the browser."""
    found = {}
    for name in (name for names in panels.values() for name in names):
        if name in curves:
            steps, values = curves[name]
            stride = -(-len(steps) // POINTS)
            # Counted from the end, to keep the last value.
            found[name] = (steps[::-stride][::-1], values[::-stride][::-1])
    return found


def figures(runs: Sequence[Run]) -> list[tuple[str, list[str]]]:
    """Rows of the table: a name and the value of each run."""
    columns = []
    for run in runs:
        column: dict[str, Any] = dict(run.finals())
        for content in run.results.values():
            column |= content
        columns.append(column)
    names = list(dict.fromkeys(name for column in columns for name in column))
    return [
        (titled(name), [readable(column.get(name, '–')) for column in columns])
        for name in names
    ]


def comparison_columns(
    comparison: dict[str, dict[str, dict[str, float]]],
) -> list[tuple[str, str, str, float]]:
    """Title, task, measure and best value of each column of a comparison."""
    keys = {
        (task, measure): None
        for tasks in comparison.values()
        for task, measures in tasks.items()
        for measure in measures
    }
    columns = []
    for task, measure in keys:
        values = [
            tasks[task][measure]
            for tasks in comparison.values()
            if measure in tasks.get(task, {})
        ]
        title = MEASURE_NAMES[measure] + (f', {task} images' if task != 'plain' else '')
        columns.append((title, task, measure, max(values)))
    return columns


def titled(name: str) -> str:
    """A logged name with its unit, if known."""
    return f'{name} (%)' if name.endswith(('top1', 'top5')) else name


def readable(value: Any) -> str:
    """A value as text."""
    if isinstance(value, bool):
        return 'yes' if value else 'no'
    if isinstance(value, int):
        return f'{value:,}'
    if isinstance(value, float):
        return f'{value:.4g}' if abs(value) < 10 else f'{value:,.2f}'
    return str(value)


def breakable(name: str) -> Markup:
    """An escaped name with line breaks allowed after underscores and slashes."""
    text = escape(name)
    for sign in '_/':
        text = text.replace(sign, Markup(f'{sign}<wbr>'))  # noqa: S704 our own signs
    return text


def embedded(data: Any) -> Markup:
    """JSON that nothing inside a script element can break out of."""
    text = json.dumps(replace_non_finite(data))
    for sign in '<>&':
        text = text.replace(sign, f'\\u{ord(sign):04x}')
    return Markup(text)  # noqa: S704 escaped above
