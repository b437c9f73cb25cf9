"""Compare two networks by their embeddings of labeled images: did training help?"""

import csv
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from cld_mm.datasets.label_files import read_entries
from cld_mm.evaluation.compare import FRACTIONS, ComparisonRow, compare_features

from .embeddings import Embeddings


@dataclass
class Comparison:
    """Linear probes of two networks; ``print`` it for a table.

    Attributes:
        rows: for each fraction of the labels.
        names: of the two networks.
        num_images: labeled images.
    """

    rows: list[ComparisonRow]
    names: tuple[str, str]
    num_images: int

    def __str__(self) -> str:
        one, two = (name[-18:] for name in self.names)
        head = f'{"labels":>16s} {one:>18s} {two:>18s}  difference (95 % interval)'
        lines = [head]
        for row in self.rows:
            share = f'{row.num_labels} ({100 * row.fraction:g} %)'
            verdict = (
                'better' if row.low > 0 else 'worse' if row.high < 0 else 'unclear'
            )
            lines.append(
                f'{share:>16s} {row.first:16.1f} % {row.second:16.1f} %  '
                f'{row.difference:+.1f} ({row.low:+.1f} to {row.high:+.1f}) {verdict}'
            )
        return '\n'.join(lines)

    def save(self, path: str | Path) -> None:
        """Write the rows as CSV."""
        with Path(path).open('w', newline='') as file:
            writer = csv.DictWriter(file, list(asdict(self.rows[0])))
            writer.writeheader()
            writer.writerows(asdict(row) for row in self.rows)


def compare(
    first: Embeddings | str | Path,
    second: Embeddings | str | Path,
    labels: str | Path | None = None,
    fractions: Sequence[float] = FRACTIONS,
    draws: int = 5,
    names: tuple[str, str] = ('first', 'second'),
    seed: int = 0,
) -> Comparison:
    """Linear top-1 of two networks on 1, 5, 10 and 100 % of the labels.

    Args:
        first: embeddings of one network, or a file of them.
        second: embeddings of the other, of the same files in any order.
        labels: CSV file with the columns ``file`` and ``label``; None takes the labels
            of ``first``. Files are matched by path, or else by file name.
        fractions: of the training labels.
        draws: random choices of the labels.
        names: of the networks, for the table.
        seed: of the split and the draws.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: no image is labeled, files do not match, or a setting is out of
            range.
    """
    one, two = (
        part if isinstance(part, Embeddings) else Embeddings.load(part)
        for part in (first, second)
    )
    classes = one.labels if labels is None else match_labels(one.files, labels)
    rows = [i for i, name in enumerate(classes or []) if name]
    if not rows or classes is None:
        raise ValueError(
            'no image is labeled: give a CSV file with the columns file and label.'
        )
    known = one.take(rows)
    position = {file: i for i, file in enumerate(two.files)}
    missing = [file for file in known.files if file not in position]
    if missing:
        raise ValueError(
            f'{len(missing)} labeled images, such as {missing[0]}, are not among the '
            f'{len(two)} of the second network: embed the same files with both.'
        )
    other = two.take([position[file] for file in known.files])
    found = compare_features(
        known.features,
        other.features,
        [classes[i] for i in rows],
        fractions,
        draws,
        seed=seed,
    )
    return Comparison(found, names, len(rows))


def match_labels(files: Sequence[str], path: str | Path) -> list[str]:
    """The label of each file by a CSV file; '' where it names none.

    One of two paths must be the end of the other: ``cat/1.jpg`` in the CSV file is
    ``/data/cat/1.jpg``, but not ``/data/dog/1.jpg``.

    Raises:
        FileNotFoundError: there is no such CSV file.
        ValueError: it names none of the files, one name fits several, a file has two
            labels, or the column of labels is missing.
    """
    if not Path(path).is_file():
        raise FileNotFoundError(f'the label file {path} does not exist.')
    entries = read_entries(path, with_label=True)
    whole: dict[tuple[str, ...], set[int]] = {}
    by_end: dict[tuple[str, ...], set[int]] = {}
    for number, entry in enumerate(entries):
        first, *_ = ends = _ends(entry.name)
        whole.setdefault(first, set()).add(number)
        for end in ends:
            by_end.setdefault(end, set()).add(number)
    found, users = [], dict.fromkeys(range(len(entries)), '')
    for file in files:
        first, *_ = ends = _ends(file)
        matches = (whole[end] for end in ends if end in whole)
        numbers = next(matches, by_end.get(first, set()))
        labels = {entries[number].label for number in numbers}
        if len(labels) > 1:
            listed = ', '.join(sorted(labels))
            raise ValueError(f'{path} has {len(labels)} labels for {file}: {listed}.')
        for number in numbers:
            if users[number] and users[number] != file:
                raise ValueError(
                    f'{path}: {entries[number].name} could be {users[number]} or '
                    f'{file}: write longer paths.'
                )
            users[number] = file
        found.append(next(iter(labels), ''))
    if not any(found):
        raise ValueError(
            f'{path} names none of the {len(files)} images: it has '
            f'{entries[0].name!r}, but the images are {files[0]!r} and so on.'
        )
    return found


def _ends(name: str) -> list[tuple[str, ...]]:
    """The path's last parts, the longest first."""
    parts = [part for part in name.replace('\\', '/').split('/') if part != '.']
    return [tuple(parts[start:]) for start in range(len(parts))]
