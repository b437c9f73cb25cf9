"""What a run logged, from mmengine's ``vis_data/scalars.json`` of all its starts."""

import json
from pathlib import Path

Curves = dict[str, tuple[list[float], list[float]]]
COUNTS = ('step', 'iter', 'epoch')


def read_scalars(path: Path) -> Curves:
    """Steps and values of each name in one log.

    Training values are at iterations; those of an evaluation are at epochs, and
    are moved to the last iteration logged before them. A half-written last line, as
    a killed run leaves it, is passed over.
    """
    curves: Curves = {}
    iteration = 0.0
    for line in path.read_text(encoding='utf-8', errors='replace').splitlines():
        try:
            record = json.loads(line)
        except json.JSONDecodeError:
            continue
        if not isinstance(record, dict):
            continue
        if 'loss' in record:
            count = record.get('iter', record.get('step'))
            iteration = count if isinstance(count, (int, float)) else iteration
        for name, value in record.items():
            if isinstance(value, (int, float)) and name not in COUNTS:
                steps, values = curves.setdefault(name, ([], []))
                steps.append(iteration)
                values.append(value)
    return curves


def scalar_logs(run: Path) -> list[Path]:
    """The scalar logs of a work dir, oldest first, or the file itself.

    Raises:
        FileNotFoundError: there is none.
    """
    if run.is_file():
        return [run]
    found = sorted(run.glob('*/vis_data/scalars.json'))
    if not found:
        raise FileNotFoundError(
            f'{run} has no */vis_data/scalars.json: name the work dir of a training '
            'run.'
        )
    return found


def read_run(run: Path) -> Curves:
    """Steps and values of a work dir (or a log file) over all its starts.

    A run that was resumed continues in a new log, which takes the place of all that the
    logs before it say from its first iteration on. Logs of tests alone, which have no
    loss, are left out where there is one of training.

    Raises:
        FileNotFoundError: there is no log.
        ValueError: nothing was logged.
    """
    logs = [read_scalars(path) for path in scalar_logs(run)]
    trained = [curves for curves in logs if curves.get('loss')]
    whole: Curves = {}
    for curves in trained or logs[-1:]:
        first = min((steps[0] for steps, _ in curves.values()), default=0.0)
        for name, (steps, values) in whole.items():
            kept = sum(step < first for step in steps)
            whole[name] = (steps[:kept], values[:kept])
        for name, (steps, values) in curves.items():
            before = whole.get(name, ([], []))
            whole[name] = ([*before[0], *steps], [*before[1], *values])
    whole = {name: curve for name, curve in whole.items() if curve[0]}
    if not whole:
        raise ValueError(f'the log of {run} is empty: its run ended before it logged.')
    return whole
