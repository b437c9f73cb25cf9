"""All studies in one table: what the README's "Results" shows."""

from collections.abc import Sequence
from pathlib import Path

from .plan import Study, load_study
from .report import fill
from .results import read_results
from .statistics import paired_difference
from .tables import by_seed, markdown, measures_of, shown, shown_difference, value_of


def load_studies(folder: Path) -> list[Study]:
    """Every study of a folder, by name."""
    return [load_study(path) for path in sorted(folder.glob('*.py'))]


def summary(studies: Sequence[Study], folder: Path) -> str:
    """One row per comparison that has results, and one per baseline.

    Args:
        studies: in the table's order.
        folder: of the results.
    """
    rows = [['', 'without CLD', 'with CLD', 'difference', 'seeds', 'command']]
    for study in studies:
        results = read_results(folder, study)
        measure = measures_of(study)[1]  # kNN at the best k
        for kind, title in (('pixels', 'pixels'), ('untrained', 'untrained network')):
            own = [r for r in results.values() if r['kind'] == kind]
            values = [v for r in own if (v := value_of(r, measure)) is not None]
            if values:
                count = str(len(values)) if kind == 'untrained' else '–'
                rows.append(
                    [title, shown(values), '–', '–', count, f'`{study.file.name}`']
                )
        for ours, theirs in study.pairs:
            one, two = (by_seed(results, arm, measure) for arm in (theirs, ours))
            difference = paired_difference(two, one)
            if difference is None:
                continue
            rows.append(
                [
                    f'{study.title}: {study.arms[ours].label}',
                    f'{shown(list(one.values()))} ({study.arms[theirs].label})',
                    shown(list(two.values())),
                    shown_difference(difference),
                    str(difference.pairs),
                    f'`{study.file.name}`',
                ]
            )
    if len(rows) == 1:
        return 'No study has results yet.'
    return (
        'kNN top-1 at the best k, in %, on test images; differences in points over the '
        'same seeds, with 95 % bootstrap intervals from three seeds on. Command: '
        '`python tools/study.py studies/NAME.py`.\n\n' + markdown(rows)
    )


def fill_summary(document: Path, studies: Sequence[Study], folder: Path) -> bool:
    """Fill a document's ``<!-- results:summary:begin -->``, if it has one.

    Returns:
        Whether it has.
    """
    text = document.read_text() if document.is_file() else ''
    if '<!-- results:summary:begin -->' not in text:
        return False
    document.write_text(fill(text, 'summary', summary(studies, folder)))
    return True
