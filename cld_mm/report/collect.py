"""What a work dir says of its run."""

import base64
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..apis.look import newest_config
from ..visualization.curves import Curves, newest_scalars, read_scalars

MEASURES = ('top1', 'top5', 'group_nmi', 'group_acc')


@dataclass
class Run:
    """A run as the report shows it.

    Attributes:
        name: of the work dir.
        work_dir: where it lies.
        config: as text.
        info: versions, hardware, data and command; empty where not noted.
        curves: steps and values of each logged name.
        results: JSON files of measured figures, flattened, by file.
        pictures: PNG files of the work dir, as data URLs.
    """

    name: str
    work_dir: Path
    config: str
    info: dict[str, Any] = field(default_factory=dict)
    curves: Curves = field(default_factory=dict)
    results: dict[str, dict[str, Any]] = field(default_factory=dict)
    pictures: dict[str, str] = field(default_factory=dict)

    def finals(self) -> dict[str, float]:
        """The last value of each accuracy and group measure."""
        return {
            name: values[-1]
            for name, (_, values) in self.curves.items()
            if values and any(part in name for part in MEASURES)
        }


def collect_run(work_dir: Path) -> Run:
    """Read a work dir.

    Raises:
        FileNotFoundError: it has no log or no config.
    """
    if not work_dir.is_dir():
        raise FileNotFoundError(f'{work_dir} is not a folder: name a work dir.')
    scalars = newest_scalars(work_dir)
    run = Run(work_dir.resolve().name, work_dir, newest_config(work_dir).pretty_text)
    run.curves = read_scalars(scalars)
    infos = sorted(work_dir.glob('*/vis_data/run_info.json'))
    if infos:
        run.info = json.loads(infos[-1].read_text())
    for path in sorted(work_dir.glob('*.json')):
        content = json.loads(path.read_text())
        if isinstance(content, dict):
            run.results[path.name] = flat(content)
    for path in sorted(work_dir.glob('*.png')):
        data = base64.b64encode(path.read_bytes()).decode()
        run.pictures[path.name] = f'data:image/png;base64,{data}'
    return run


def flat(content: dict[str, Any], before: str = '') -> dict[str, Any]:
    """Nested dicts as one, with dotted names."""
    found: dict[str, Any] = {}
    for key, value in content.items():
        if isinstance(value, dict):
            found |= flat(value, f'{before}{key}.')
        else:
            found[f'{before}{key}'] = value
    return found
