"""Figures for machines to read, beside those that a tool prints.

A tool that evaluates a checkpoint writes ``<tool>_<checkpoint>.json`` beside it, or in
``--work-dir``; one that reads files writes beside the first of them. ``--out`` names
another file.
"""

import json
from pathlib import Path
from typing import Any

from cld_mm.fileio.json_values import replace_non_finite


def write_results(
    results: Any, out: str | Path | None, folder: str | Path, *names: str | Path
) -> Path:
    """Write JSON and say where; call it on one rank.

    Args:
        results: dicts, lists, numbers and text; what is not finite becomes null, since
            JSON has no name for it.
        out: the file, where the user named one.
        folder: where it goes otherwise.
        *names: parts of its name; of a path the stem counts.

    Returns:
        The file.
    """
    name = '_'.join(Path(part).stem for part in names)
    path = Path(out) if out else Path(folder) / f'{name}.json'
    path.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(replace_non_finite(results), indent=2, allow_nan=False)
    path.write_text(text + '\n')
    print(f'results {path}')
    return path
