"""The page: Jinja's template, escaped, with Plotly's script inlined."""

import json
import math
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader
from markupsafe import Markup
from plotly.offline import get_plotlyjs

from ..visualization.curves import PANELS
from ..visualization.style import COLOURS, class_colours
from .collect import Run
from .look import Snapshot

FOLDER = Path(__file__).parent


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
    environment = Environment(loader=FileSystemLoader(FOLDER), autoescape=True)
    page = environment.get_template('page.html').render(
        runs=runs,
        snapshots=snapshots,
        finals=figures(runs),
        style=Markup((FOLDER / 'page.css').read_text()),  # noqa: S704 our own file
        script=Markup((FOLDER / 'page.js').read_text()),  # noqa: S704 our own file
        plotly=Markup(get_plotlyjs()),  # noqa: S704 the library's script
        data=embedded(
            {
                'runs': [run.name for run in runs],
                'curves': [run.curves for run in runs],
                'panels': panels(runs),
                'colours': COLOURS,
                'snapshots': [
                    asdict(s) | {'colours': class_colours(len(s.names))} if s else None
                    for s in snapshots
                ],
            }
        ),
    )
    out.write_text(page, encoding='utf-8')


def unlike_names(runs: Sequence[Run]) -> Sequence[Run]:
    """Work dirs of one name are told apart by their parents."""
    names = [run.name for run in runs]
    for run in runs:
        if names.count(run.name) > 1:
            run.name = f'{run.work_dir.resolve().parent.name}/{run.name}'
    return runs


def panels(runs: Sequence[Run]) -> dict[str, list[str]]:
    """Titles and logged names of the curves that any run has."""
    found = {
        title: [name for name in names if any(name in run.curves for run in runs)]
        for title, names in PANELS.items()
    }
    return {title: names for title, names in found.items() if names}


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
        (name, [shown(column.get(name, '–')) for column in columns]) for name in names
    ]


def shown(value: Any) -> str:
    """A figure for people."""
    if isinstance(value, float):
        return f'{value:.4g}' if abs(value) < 10 else f'{value:.2f}'
    return str(value)


def embedded(data: Any) -> Markup:
    """JSON that nothing inside a script element can break out of."""
    text = json.dumps(finite(data))
    for sign in '<>&':
        text = text.replace(sign, f'\\u{ord(sign):04x}')
    return Markup(text)  # noqa: S704 escaped above


def finite(data: Any) -> Any:
    """The same with None for NaN and infinity, which JSON does not know."""
    if isinstance(data, dict):
        return {key: finite(value) for key, value in data.items()}
    if isinstance(data, (list, tuple)):
        return [finite(value) for value in data]
    if isinstance(data, float) and not math.isfinite(data):
        return None
    return data
