"""The page: Jinja's template, escaped, with Plotly's script inlined."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader
from markupsafe import Markup, escape
from plotly.offline import get_plotlyjs

from ..apis.results import finite
from ..visualization.curves import panels_of
from ..visualization.scalars import Curves
from ..visualization.style import COLOURS
from .collect import Run
from .look import Snapshot

FOLDER = Path(__file__).parent
POINTS = 2000  # of a curve; a longer one is thinned, and the page says so


def write_page(
    runs: Sequence[Run], snapshots: Sequence[Snapshot | None], out: Path
) -> None:
    """Write the report.

    Args:
        runs: shown side by side.
        snapshots: of each run, or None where it has no checkpoint.
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
        comparisons=[comparison(run) for run in runs],
        style=Markup((FOLDER / 'page.css').read_text()),  # noqa: S704 our own file
        scripts=[
            Markup((FOLDER / name).read_text())  # noqa: S704 our own files
            for name in ('curves.js', 'look.js')
        ],
        thinned=any(len(c[0]) > POINTS for run in runs for c in run.curves.values()),
        points=POINTS,
        plotly=Markup(get_plotlyjs()),  # noqa: S704 the library's script
        data=embedded(
            {
                'runs': [run.name for run in runs],
                'curves': [drawn(run.curves, shown) for run in runs],
                'panels': shown,
                'colours': COLOURS,
                'snapshots': [asdict(s) if s else None for s in snapshots],
            }
        ),
    )
    # A folder's name may hold bytes that are no text.
    out.write_text(page, encoding='utf-8', errors='backslashreplace')


def comparison(run: Run) -> list[list[str]]:
    """Rows of a run's comparison with pixels: a side, and its accuracies.

    The quickstart writes it; other runs have none.
    """
    figures: dict[str, Any] = {}
    for results in run.results.values():
        figures |= results
    rows = []
    for side in ('pixels', 'untrained', 'trained'):
        keys = [
            f'comparison.{side}.{task}.{measure}'
            for task in ('plain', 'moved')
            for measure in ('linear', 'knn')
        ]
        if all(key in figures for key in keys):
            rows.append([side, *(f'{figures[key]:.1f}' for key in keys)])
    return rows


def unlike_names(runs: Sequence[Run]) -> Sequence[Run]:
    """Work dirs of one name are told apart by their parents, or by the whole path.

    Raises:
        ValueError: one work dir is named twice.
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
        raise ValueError(f'{twice[0]} is named twice: give each work dir once.')
    return runs


def drawn(curves: Curves, panels: dict[str, list[str]]) -> Curves:
    """The curves that are drawn, with few enough points for a browser."""
    found = {}
    for name in (name for names in panels.values() for name in names):
        if name in curves:
            steps, values = curves[name]
            stride = -(-len(steps) // POINTS)
            # Counted from the end, so that the last value is kept.
            found[name] = (steps[::-stride][::-1], values[::-stride][::-1])
    return found


def figures(runs: Sequence[Run]) -> list[tuple[str, list[str]]]:
    """Rows of the table: a name, and each run's value."""
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


def titled(name: str) -> str:
    """A logged name with its unit, where it is known."""
    return f'{name} (%)' if name.endswith(('top1', 'top5')) else name


def readable(value: Any) -> str:
    """A figure for people."""
    if isinstance(value, bool):
        return 'yes' if value else 'no'
    if isinstance(value, int):
        return f'{value:,}'
    if isinstance(value, float):
        return f'{value:.4g}' if abs(value) < 10 else f'{value:,.2f}'
    return str(value)


def breakable(name: str) -> Markup:
    """A name, escaped, that a line may break after its underscores and strokes."""
    text = escape(name)
    for sign in '_/':
        text = text.replace(sign, Markup(f'{sign}<wbr>'))  # noqa: S704 our own signs
    return text


def embedded(data: Any) -> Markup:
    """JSON that nothing inside a script element can break out of."""
    text = json.dumps(finite(data))
    for sign in '<>&':
        text = text.replace(sign, f'\\u{ord(sign):04x}')
    return Markup(text)  # noqa: S704 escaped above
