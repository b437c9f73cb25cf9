"""The quickstart's comparison over its seeds, as the README and docs show it."""

import json
from pathlib import Path

from .compare import SIDES, TASKS
from .report import fill
from .tables import markdown, shown

TITLES = ('raw pixels', 'untrained network', 'trained network')


def quickstart_table(folder: Path) -> str:
    """Mean ± standard deviation over the seeds of every side and measure, in percent.

    Args:
        folder: of the quickstart's results, one JSON file per seed.
    """
    found = [json.loads(path.read_text()) for path in sorted(folder.glob('seed*.json'))]
    if not found:
        return 'The quickstart has no results yet.'
    rows = [['', 'linear', 'kNN, best k', 'linear, moved', 'kNN, moved']]
    for side, title in zip(SIDES, TITLES, strict=True):
        cells = [
            shown([result['comparison'][side][task][measure] for result in found])
            for task in TASKS
            for measure in ('linear', 'knn')
        ]
        rows.append([title, *cells])
    first, seeds = found[0], [str(result['seed']) for result in found]
    seconds = ', '.join(f'{result["seconds"]:.0f}' for result in found)
    threads = ', '.join(str(result['threads']) for result in found)
    labeled, test = first['images']
    return (
        f'{markdown(rows)}\n\nTop-1 accuracy in %; seeds {", ".join(seeds)}; '
        f'{first["steps"]:,} iterations; {labeled:,} labeled and {test:,} test images; '
        f'{seconds} s in all with {threads} threads. Command: '
        '`bash tools/quickstart.sh --seed N`.'
    )


def fill_quickstart(document: Path, folder: Path) -> None:
    """Fill a document's ``<!-- results:quickstart:begin -->``, if it has one.

    ``quickstart_full_precision`` likewise, from the folder of that name: runs on CPUs
    without bfloat16.
    """
    text = document.read_text() if document.is_file() else ''
    for name, where in (
        ('quickstart', folder),
        ('quickstart_full_precision', folder / 'full_precision'),
    ):
        if f'<!-- results:{name}:begin -->' in text:
            text = fill(text, name, quickstart_table(where))
            document.write_text(text)
