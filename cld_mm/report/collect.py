"""A run as its work dir describes it."""

import base64
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mmengine.config import Config

from cld_mm.fileio.training_logs import Curves, read_run

from .work_dir import config_file

MEASURES = ('top1', 'top5', 'group_nmi', 'group_acc')
PICTURES = {'.png': 'image/png', '.svg': 'image/svg+xml'}
LONGEST = 200  # characters of a result that is text


@dataclass
class Run:
    """A run as shown in the report.

    Attributes:
        name: of the work dir.
        config: as text.
        info: versions, hardware, data and command; empty if not recorded.
        curves: steps and values of each logged name.
        results: JSON files of measured values, flattened, by file.
        comparison: percent by side (pixels, untrained, trained), task and measure, if
            a result file has it.
        pictures: PNG and SVG files of the work dir, as data URLs.
        notes: one sentence for each thing that could not be read or shown.
        cfg: the config itself.
    """

    name: str
    work_dir: Path
    config: str
    info: dict[str, Any] = field(default_factory=dict)
    curves: Curves = field(default_factory=dict)
    results: dict[str, dict[str, Any]] = field(default_factory=dict)
    comparison: dict[str, dict[str, dict[str, float]]] = field(default_factory=dict)
    pictures: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    cfg: Config | None = None

    def finals(self) -> dict[str, float]:
        """The last value of each accuracy, then of each group measure."""
        names = [
            name for name, curve in self.curves.items() if curve[1] and measured(name)
        ]
        names.sort(key=lambda name: ('top' not in name, name))
        return {name: self.curves[name][1][-1] for name in names}


def measured(name: str) -> bool:
    """Whether a logged name is a figure of the final table."""
    return any(part in name for part in MEASURES)


def collect_run(work_dir: Path) -> Run:
    """Read a work dir.

    Args:
        work_dir: of a run.

    Raises:
        FileNotFoundError: it has no log or no config.
        ValueError: its log is empty.
    """
    if not work_dir.is_dir():
        raise FileNotFoundError(f'{work_dir} is not a folder: give a work dir.')
    curves = read_run(work_dir)
    cfg = Config.fromfile(config_file(work_dir))
    run = Run(
        work_dir.resolve().name, work_dir, cfg.pretty_text, curves=curves, cfg=cfg
    )
    infos = sorted(work_dir.glob('*/vis_data/run_info.json'))
    if infos:
        run.info = read_json(infos[-1], run.notes)
    for file in sorted(work_dir.glob('*.json')):
        if file.name == 'analyze_logs.json':  # a summary of the curves
            continue
        content = read_json(file, run.notes)
        run.comparison = take_comparison(content) or run.comparison
        run.results[file.name] = flat(content)
    for file in sorted(work_dir.iterdir()):
        if file.suffix in PICTURES:
            data = base64.b64encode(file.read_bytes()).decode()
            run.pictures[file.name] = f'data:{PICTURES[file.suffix]};base64,{data}'
    return run


def read_json(path: Path, notes: list[str]) -> dict[str, Any]:
    """A file's keys and values, or the rows of a grid by their settings.

    Empty, with a note, if the file cannot be read.
    """
    try:
        content = json.loads(path.read_text(encoding='utf-8'))
    except (ValueError, RecursionError) as error:
        notes.append(f'{path.name} is not valid JSON and was skipped: {error}.')
        return {}
    if isinstance(content, list) and all(isinstance(row, dict) for row in content):
        return _named(content)
    return content if isinstance(content, dict) else {}


def take_comparison(content: dict[str, Any]) -> dict[str, Any]:
    """The comparison of sides in a result file, taken out of it; empty if none."""
    found = content.get('comparison')
    try:
        sides = {
            str(side): {
                str(task): {
                    name: float(value)
                    for name, value in measures.items()
                    if name in ('linear', 'knn')
                }
                for task, measures in tasks.items()
            }
            for side, tasks in found.items()  # type: ignore[union-attr]
        }
    except (AttributeError, TypeError, ValueError):
        return {}
    if not any(measures for tasks in sides.values() for measures in tasks.values()):
        return {}
    del content['comparison']
    return sides


def _named(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Rows of a grid, such as kNN's, each named by its settings."""
    found = {}
    for row in rows:
        measures = {key: value for key, value in row.items() if key.startswith('top')}
        name = ', '.join(f'{key} {row[key]}' for key in row if key not in measures)
        found[name] = measures
    return found


def flat(content: dict[str, Any], before: str = '') -> dict[str, Any]:
    """Numbers and short texts of nested dicts, with dotted names; lists are skipped."""
    found: dict[str, Any] = {}
    for key, value in content.items():
        if isinstance(value, dict):
            found |= flat(value, f'{before}{key}.')
        elif isinstance(value, (bool, int, float)) or (
            isinstance(value, str) and len(value) <= LONGEST
        ):
            found[f'{before}{key}'] = value
    return found
