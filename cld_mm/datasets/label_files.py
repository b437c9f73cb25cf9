"""Lists of images with labels: text files, and CSV files with or without a header.

A text file has a path per line and, after a blank, a class number or class name. A CSV
file (.csv, .tsv) has columns; those of path and label are found by the header's names,
or are the first and second without a header.
"""

import csv
import os
import re
import stat
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from cld_mm.fileio.image_decoding import printable

PATH_COLUMNS: tuple[str, ...] = (
    'path',
    'file',
    'filename',
    'file_name',
    'filepath',
    'file_path',
)
PATH_COLUMNS += ('image', 'img', 'image_path', 'img_path', 'image_name', 'name')
LABEL_COLUMNS = ('label', 'class', 'class_name', 'category', 'target', 'gt_label')
SEPARATORS = {'.csv': ',', '.tsv': '\t'}


class Entry(NamedTuple):
    """A line: its number, the image's name, and the text of its label."""

    line: int
    name: str
    label: str


def read_lines(path: str | Path) -> list[tuple[int, str]]:
    """The lines of a text file that are not blank, with their numbers from 1.

    Raises:
        ValueError: it is no regular file, or a line is not UTF-8.
        OSError: the file cannot be read.
    """
    lines = []
    path = Path(path).expanduser()
    if not stat.S_ISREG(path.stat().st_mode):  # reading a pipe would block
        raise ValueError(f'{path} is a folder, pipe or device: name a text file.')
    content = path.read_bytes().removeprefix(b'\xef\xbb\xbf')
    for number, line in enumerate(content.split(b'\n'), start=1):
        try:
            text = line.decode('utf-8').strip()
        except UnicodeDecodeError as error:
            raise ValueError(
                f'{path}: line {number} is not in UTF-8: save the list in it.'
            ) from error
        if '\0' in text:
            raise ValueError(
                f'{path}: line {number} holds a zero byte: the list is no text, or in '
                'UTF-16; save it in UTF-8.'
            )
        if text:
            lines.append((number, text))
    if not lines:
        raise ValueError(f'{path} names no image: fix the list.')
    return lines


def read_entries(path: str | Path, with_label: bool) -> list[Entry]:
    """Names, and with ``with_label`` labels, as a list or CSV file has them.

    Raises:
        ValueError: a line has no label, or a CSV file lacks the column.
    """
    separator = SEPARATORS.get(Path(path).suffix.lower())
    if separator is not None:
        return _read_csv(path, separator, with_label)
    entries = []
    for number, text in read_lines(path):
        *names, last = text.rsplit(maxsplit=1) if with_label else (text, '')
        if not names:
            raise ValueError(
                f'{path}: line {number} is {printable(text)[:80]!r}, but must be a '
                'path and a class number or name, with a blank between them (set '
                'with_label=False for images without labels; name a file of '
                'comma-separated columns .csv).'
            )
        entries.append(Entry(number, names[0], last))
    return entries


def _read_csv(path: str | Path, separator: str, with_label: bool) -> list[Entry]:
    lines = read_lines(path)
    rows = list(csv.reader((text for _, text in lines), delimiter=separator))
    header = [cell.strip().lower() for cell in rows[0]]
    first, name_column, label_column = 0, 0, 1
    if any(cell in PATH_COLUMNS for cell in header):
        first = 1
        name_column = next(i for i, cell in enumerate(header) if cell in PATH_COLUMNS)
        labels = [i for i, cell in enumerate(header) if cell in LABEL_COLUMNS]
        if with_label and not labels:
            raise ValueError(
                f'{path} has the columns {", ".join(header)}, but none for labels: '
                f'name it {" or ".join(LABEL_COLUMNS[:3])}, or set with_label=False.'
            )
        label_column = labels[0] if labels else name_column
    entries = []
    for (number, text), row in list(zip(lines, rows, strict=False))[first:]:
        if len(row) <= max(name_column, label_column * with_label):
            raise ValueError(
                f'{path}: line {number} is {printable(text)[:80]!r}, and lacks a '
                'column.'
            )
        label = row[label_column].strip() if with_label else ''
        entries.append(Entry(number, row[name_column].strip(), label))
    if not entries:
        raise ValueError(f'{path} names no image: fix the list.')
    return entries


def read_label_file(
    path: str | Path, prefix: str, with_label: bool, classes: Sequence[str] | None
) -> tuple[list[tuple[str, int | None]], list[str] | None]:
    """Images below ``prefix`` with labels, and the class names if labels are names.

    Args:
        path: the list or CSV file.
        prefix: the images' folder, which no name may leave.
        with_label: whether there are labels.
        classes: names of the classes; None takes those of the list, sorted.

    Raises:
        ValueError: a line is invalid; the message gives its number.
    """
    root = Path(os.path.abspath(os.path.expanduser(prefix or '.')))
    entries = read_entries(path, with_label)
    for entry in entries:
        inside = Path(os.path.normpath(root / entry.name))
        if not inside.is_relative_to(root) or inside == root:
            raise ValueError(
                f'{path}: line {entry.line} names {printable(entry.name)[:80]!r}, '
                f'which is outside the folder {root}: write paths below it.'
            )
    if not with_label:
        return [(entry.name, None) for entry in entries], None
    labels, names = _number_labels(path, entries, classes)
    return [(e.name, n) for e, n in zip(entries, labels, strict=True)], names


def _number_labels(
    path: str | Path, entries: list[Entry], classes: Sequence[str] | None
) -> tuple[list[int], list[str] | None]:
    texts = {entry.label for entry in entries}
    whole = {text for text in texts if re.fullmatch('[+-]?[0-9]{1,99}', text)}
    named = texts <= set(classes) if classes else not whole
    names = list(classes) if classes else sorted(texts)
    position = {name: number for number, name in enumerate(names)}
    limit = len(classes) if classes else 2**31
    for line, _, text in entries:
        if text in whole and not named and 0 <= int(text) < limit:
            continue
        if text in whole and not named:
            raise ValueError(
                f'{path}: line {line} has the label {text}, but labels are 0 to '
                f'{limit - 1}'
                + (f' for {limit} classes' if classes else '')
                + ': fix the list, or metainfo.classes.'
            )
        if not named:
            raise ValueError(
                f'{path}: line {line} has the label {printable(text)[:80]!r}, but '
                + (
                    'other lines have class numbers: use numbers or names throughout.'
                    if whole
                    else f'the classes are {", ".join(names[:5])}: fix the list, or '
                    'metainfo.classes.'
                )
            )
    if named:
        return [position[entry.label] for entry in entries], names
    return [int(entry.label) for entry in entries], None
