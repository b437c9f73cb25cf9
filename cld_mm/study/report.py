"""Write a study's tables and plot into a document, between its markers."""

import re
from pathlib import Path

from .plan import Study, StudyError
from .plots import plot_study
from .results import read_results
from .tables import accuracy_table, difference_table, tuning_table


def section(study: Study, folder: Path, image: str | None = None) -> str:
    """What stands between a study's markers.

    Args:
        study: the study.
        folder: of the results.
        image: path of the plot, relative to the document.
    """
    results = read_results(folder, study)
    runs = study.runs()
    final = [run for run in runs if run.kind == 'final']
    done = sum(run.name in results for run in final)
    revisions = sorted({result['revision'][:12] for result in results.values()})
    parts = [
        f'{done} of {len(final)} runs done. Top-1 accuracy in %, mean ± standard '
        'deviation over seeds.',
        accuracy_table(study, results),
    ]
    differences = difference_table(study, results)
    if differences:
        parts += [
            'Differences in points over the same seeds; in brackets 95 % bootstrap '
            'intervals, from three pairs on.',
            differences,
        ]
    if image:
        parts.append(f'![{study.title}]({image})')
    tuning = tuning_table(study, results)
    if tuning:
        parts += ['Hyperparameters, each tried on held-out training images:', tuning]
    parts.append(
        f'Command: `python tools/study.py {study.file}`; results: '
        f'`{folder / study.name}/*.json`; revision {", ".join(revisions) or "none"}.'
    )
    return '\n\n'.join(parts)


def fill(text: str, name: str, content: str) -> str:
    """Replace what stands between ``<!-- results:NAME:begin -->`` and ``:end``.

    Raises:
        StudyError: the markers are missing.
    """
    begin, end = f'<!-- results:{name}:begin -->', f'<!-- results:{name}:end -->'
    pattern = re.compile(re.escape(begin) + '.*?' + re.escape(end), re.DOTALL)
    if not pattern.search(text):
        raise StudyError(f'the document has no {begin} ... {end} to fill.')
    return pattern.sub(lambda _: f'{begin}\n\n{content}\n\n{end}', text)


def write_report(study: Study, folder: Path, document: Path) -> None:
    """Fill a study's part of a document; a document without its markers gets them."""
    plot = document.parent / 'images' / f'study_{study.name}.png'
    results = read_results(folder, study)
    drawn = plot_study(study, results, plot)
    image = plot.relative_to(document.parent).as_posix() if drawn else None
    document.parent.mkdir(parents=True, exist_ok=True)
    text = document.read_text() if document.is_file() else '# Evidence\n'
    if f'<!-- results:{study.name}:begin -->' not in text:
        text += (
            f'\n## {study.title}\n\n{study.notes}\n\n'
            f'<!-- results:{study.name}:begin -->\n<!-- results:{study.name}:end -->\n'
        )
    document.write_text(fill(text, study.name, section(study, folder, image)))
    print(f'{document}: {study.name}' + (f', {plot}' if drawn else ''))
