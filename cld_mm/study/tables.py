"""A study's results as Markdown."""

from typing import Any

from .plan import Study
from .results import Result
from .statistics import Difference, mean_std, paired_difference

Measure = tuple[str, str, str | None]


def measures_of(study: Study) -> list[Measure]:
    """Column title, name in the results, and k where there are several."""
    k = str(max(study.measures['k']))
    columns: list[Measure] = [
        (f'kNN, k {k}', 'knn_backbone', k),
        ('kNN, best k', 'knn_backbone_best', None),
        (f'kNN on the projection, k {k}', 'knn_instance', k),
    ]
    return columns + [('linear probe', 'linear', None)] * bool(study.measures['linear'])


def value_of(result: Result, measure: Measure) -> float | None:
    """One number of a result."""
    value: Any = result['measures'].get(measure[1])
    return value.get(measure[2]) if isinstance(value, dict) else value


def by_seed(
    results: dict[str, Result], arm: str, measure: Measure, kind: str = 'final'
) -> dict[int, float]:
    """An arm's values by seed."""
    found = {}
    for result in results.values():
        value = value_of(result, measure)
        if result['kind'] == kind and result['arm'] == arm and value is not None:
            found[result['seed']] = value
    return found


def accuracy_table(study: Study, results: dict[str, Result]) -> str:
    """Mean ± standard deviation over seeds of every arm and baseline."""
    measures = measures_of(study)
    head = ['', 'seeds', 'steps', 'passes per image', 'minutes']
    rows = [[*head, *(title for title, _, _ in measures)]]
    for title, arm, kind in _sides(study):
        own = [r for r in results.values() if (r['arm'], r['kind']) == (arm, kind)]
        if not own:
            rows.append([title, *['not run'] * (len(rows[0]) - 1)])
            continue
        seconds = [r['train_seconds'] for r in own if r.get('train_seconds')]
        cells = [
            str(len(own)) if kind != 'pixels' else '–',
            f'{own[0]["steps"]:,}' if 'steps' in own[0] else '0',
            _passes(own[0]),
            f'{sum(seconds) / len(seconds) / 60:.0f}' if seconds else '–',
        ]
        for measure in measures:
            values = [v for r in own if (v := value_of(r, measure)) is not None]
            cells.append(shown(values) if values else '–')
        rows.append([title, *cells])
    return markdown(rows)


def difference_table(study: Study, results: dict[str, Result]) -> str:
    """Paired differences in points with 95 % bootstrap intervals."""
    measures = measures_of(study)
    rows = [['difference', 'pairs', *(title for title, _, _ in measures)]]
    for ours, theirs in study.pairs:
        found = [
            paired_difference(
                by_seed(results, ours, measure), by_seed(results, theirs, measure)
            )
            for measure in measures
        ]
        pairs = max((d.pairs for d in found if d), default=0)
        title = f'{study.arms[ours].label} − {study.arms[theirs].label}'
        rows.append([title, str(pairs), *map(shown_difference, found)])
    return markdown(rows) if len(rows) > 1 else ''


def tuning_table(study: Study, results: dict[str, Result]) -> str:
    """What was tried on held-out training images, and what was chosen."""
    metric = study.tuning.get('metric', '')
    rows = [['arm', 'settings tried', f'`{metric}` on held-out images', '']]
    for arm in study.arms.values():
        trials = study.trials(arm.name)
        found = [results.get(f'{arm.name}-trial{i}') for i in range(len(trials))]
        scores = [r['measures'][metric] if r else None for r in found]
        best = max((s for s in scores if s is not None), default=None)
        for trial, score in zip(trials, scores, strict=True):
            settings = ', '.join(f'{k.split(".")[-1]} {v}' for k, v in trial.items())
            done = all(s is not None for s in scores)
            chosen = 'chosen' * (done and score == best)
            text = 'not run' if score is None else f'{score:.1f}'
            rows.append([arm.label, settings, text, chosen])
    return markdown(rows) if len(rows) > 1 else ''


def _sides(study: Study) -> list[tuple[str, str | None, str]]:
    first = next(iter(study.arms))
    sides: list[tuple[str, str | None, str]] = []
    if 'pixels' in study.baselines:
        sides.append(('pixels (mean image removed)', None, 'pixels'))
    if 'untrained' in study.baselines:
        sides.append(('untrained network', first, 'untrained'))
    return sides + [(arm.label, arm.name, 'final') for arm in study.arms.values()]


def _passes(result: Result) -> str:
    if 'passes_with_gradient' not in result:
        return '–'
    text = f'{result["passes_with_gradient"]:g}'
    without = result['passes_without_gradient']
    return text + f' + {without:g} without gradient' * bool(without)


def shown(values: list[float]) -> str:
    """``mean ± std`` in percent, or the single value."""
    mean, std = mean_std(values)
    return f'{mean:.1f} ± {std:.1f}' if len(values) > 1 else f'{mean:.1f}'


def shown_difference(difference: Difference | None) -> str:
    """``+mean [low, high]``."""
    if difference is None:
        return '–'
    text = f'{difference.mean:+.1f}'
    if difference.low is None:
        return text
    return f'{text} [{difference.low:+.1f}, {difference.high:+.1f}]'


def markdown(rows: list[list[str]]) -> str:
    """A table; the first row is its head."""
    lines = ['| ' + ' | '.join(row) + ' |' for row in rows]
    return '\n'.join([lines[0], '|' + '---|' * len(rows[0]), *lines[1:]])
