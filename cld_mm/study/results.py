"""A study's results: one JSON file per run in ``results/<study>/``."""

import json
import os
from pathlib import Path
from typing import Any

from .plan import Run, Study, StudyError

Result = dict[str, Any]
NEEDED = ('run', 'kind', 'seed', 'revision', 'settings', 'data', 'measures')


def result_file(folder: Path, study: Study, run: Run) -> Path:
    """Where a run's result is stored."""
    return folder / study.name / f'{run.name}.json'


def write_result(path: Path, result: Result) -> None:
    """Write it whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f'.{path.name}.part')
    part.write_text(json.dumps(result, indent=1, allow_nan=False) + '\n')
    os.replace(part, path)


def read_result(path: Path) -> Result:
    """Read one result.

    Raises:
        StudyError: it is no result.
    """
    try:
        result = json.loads(path.read_text())
        missing = [key for key in NEEDED if key not in result]
    except (ValueError, TypeError, OSError) as error:
        raise StudyError(f'{path} is not a result ({error}): delete it.') from error
    if missing:
        raise StudyError(f'{path} is not a result (no {missing[0]!r}): delete it.')
    return result


def read_results(folder: Path, study: Study) -> dict[str, Result]:
    """The results of a study that are there, by run name."""
    results = {}
    for run in study.runs():
        path = result_file(folder, study, run)
        if path.is_file():
            results[run.name] = read_result(path)
            if results[run.name]['run'] != run.name:
                raise StudyError(
                    f'{path} is the result of {results[run.name]["run"]}: rename or '
                    'delete it.'
                )
    return results


def check_result(
    path: Path,
    result: Result,
    revision: str | None,
    settings: str,
    data: dict[str, Any],
) -> None:
    """Raise a StudyError where a result does not belong to the present study.

    Args:
        path: of the result.
        result: as it was read.
        revision: of the code, or None to take any.
        settings: digest of the run's config.
        data: what its data are now.
    """
    advice = 'delete it, or give the study another name'
    if revision is not None and result['revision'] != revision:
        raise StudyError(
            f'{path} was made by revision {result["revision"][:12]}, but the code is '
            f'now {revision[:12]}: {advice}, or accept it with --any-revision.'
        )
    if result['data'] != data:
        changed = next(
            key
            for key in {**data, **result['data']}
            if data.get(key) != result['data'].get(key)
        )
        raise StudyError(
            f'{path} was made with other {changed} data than those there now: {advice}.'
        )
    if result['settings'] != settings:
        raise StudyError(f'{path} was made with other settings: {advice}.')
