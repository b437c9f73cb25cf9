"""Embeddings: features of images with file names and optional labels, in one file."""

import csv
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

SUFFIXES = ('.npz', '.csv', '.parquet')


@dataclass
class Embeddings:
    """Features of images, in the order of their file names.

    Attributes:
        features: ``(N, C)`` float32.
        files: N paths of the images, or other names.
        labels: N class names, or None where nothing is labeled. An empty name marks an
            image without a label.
    """

    features: np.ndarray
    files: list[str]
    labels: list[str] | None = None

    def __post_init__(self) -> None:
        self.features = np.ascontiguousarray(self.features, dtype=np.float32)
        self.files = [str(file) for file in self.files]
        if self.labels is not None:
            self.labels = ['' if name is None else str(name) for name in self.labels]
        if self.features.ndim != 2:
            raise ValueError(
                f'features must have shape (N, C), got {self.features.shape}.'
            )
        for name, values in (('files', self.files), ('labels', self.labels)):
            if values is not None and len(values) != len(self):
                raise ValueError(
                    f'{len(self)} features, but {len(values)} {name}: one per image is '
                    'needed.'
                )

    def __len__(self) -> int:
        return len(self.features)

    def take(self, indices: Sequence[int] | np.ndarray) -> 'Embeddings':
        """The images at these indices."""
        rows = [int(index) for index in indices]
        labels = None if self.labels is None else [self.labels[i] for i in rows]
        return Embeddings(self.features[rows], [self.files[i] for i in rows], labels)

    def save(self, path: str | Path) -> Path:
        """Write ``.npz``, ``.csv`` or ``.parquet`` (needs pyarrow).

        CSV and Parquet hold the columns ``file`` and ``label`` (if labeled). Features
        are the columns ``f0``, ``f1``, ... of a CSV file and the list column
        ``features`` of a Parquet file.

        Raises:
            ValueError: another suffix.
            ImportError: Parquet without pyarrow.
        """
        path = Path(path)
        write = {'.npz': _write_npz, '.csv': _write_csv, '.parquet': _write_parquet}
        function = write[check_suffix(path)]
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_name(f'.{path.name}.part{path.suffix}')
        try:
            function(self, part)
            os.replace(part, path)  # a reader sees the whole file or the old one
        finally:
            part.unlink(missing_ok=True)
        return path

    @classmethod
    def load(cls, path: str | Path) -> 'Embeddings':
        """Read what :meth:`save` wrote.

        Raises:
            FileNotFoundError: there is no such file.
            ValueError: the file does not hold embeddings.
            ImportError: Parquet without pyarrow.
        """
        path = Path(path)
        read = {'.npz': _read_npz, '.csv': _read_csv, '.parquet': _read_parquet}
        function = read[check_suffix(path)]
        if not path.is_file():
            raise FileNotFoundError(f'the embeddings {path} do not exist.')
        try:
            return cls(*function(path))
        except (KeyError, OSError, ValueError) as error:
            raise ValueError(f'{path} does not hold embeddings: {error}') from error


def check_suffix(path: Path) -> str:
    """The suffix of a file of embeddings; a ValueError for another one."""
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise ValueError(f'{path}: embeddings are saved as {", ".join(SUFFIXES)}.')
    return suffix


def _write_npz(embeddings: Embeddings, path: Path) -> None:
    arrays = {'features': embeddings.features, 'files': np.array(embeddings.files, str)}
    if embeddings.labels is not None:
        arrays['labels'] = np.array(embeddings.labels, str)
    np.savez(path, **arrays)  # type: ignore[arg-type]


def _read_npz(path: Path) -> tuple[Any, list[str], list[str] | None]:
    with np.load(path, allow_pickle=False) as arrays:
        labels = arrays['labels'].tolist() if 'labels' in arrays else None
        return arrays['features'], arrays['files'].tolist(), labels


def _write_csv(embeddings: Embeddings, path: Path) -> None:
    width = embeddings.features.shape[1]
    labels = embeddings.labels
    with path.open('w', newline='', encoding='utf-8', errors='surrogateescape') as file:
        writer = csv.writer(file)
        head = ['file'] if labels is None else ['file', 'label']
        writer.writerow([*head, *(f'f{column}' for column in range(width))])
        for row, features in enumerate(embeddings.features.tolist()):
            names = [embeddings.files[row]]
            names += [] if labels is None else [labels[row]]
            # Nine digits bring every float32 back.
            writer.writerow([*names, *(f'{value:.9g}' for value in features)])


def _read_csv(path: Path) -> tuple[np.ndarray, list[str], list[str] | None]:
    files, labels, features = [], [], []
    with path.open(newline='', encoding='utf-8-sig', errors='surrogateescape') as file:
        reader = csv.reader(file)
        head = next(reader, [])
        if 'file' not in head:
            raise ValueError(f"no column 'file', only {', '.join(head)[:200]!r}.")
        name, label = head.index('file'), _index(head, 'label')
        values = [i for i in range(len(head)) if i not in (name, label)]
        for row in reader:
            if len(row) != len(head):
                raise ValueError(
                    f'line {reader.line_num} has {len(row)} columns, not {len(head)}.'
                )
            files.append(row[name])
            labels.append('' if label is None else row[label])
            features.append(np.array([row[i] for i in values], dtype=np.float32))
    whole = np.stack(features) if features else np.empty((0, len(values)), np.float32)
    return whole, files, None if label is None else labels


def _index(names: Sequence[str], name: str) -> int | None:
    return names.index(name) if name in names else None


def _parquet() -> Any:
    try:
        from pyarrow import parquet
    except ImportError as error:
        raise ImportError(
            'Parquet files need pyarrow: pip install pyarrow, or use .npz or .csv.'
        ) from error
    return parquet


def _write_parquet(embeddings: Embeddings, path: Path) -> None:
    parquet = _parquet()
    import pyarrow

    flat = pyarrow.array(embeddings.features.ravel())
    width = embeddings.features.shape[1]
    columns = {'file': pyarrow.array([_utf8(name) for name in embeddings.files])}
    if embeddings.labels is not None:
        columns['label'] = pyarrow.array([_utf8(name) for name in embeddings.labels])
    columns['features'] = pyarrow.FixedSizeListArray.from_arrays(flat, width)
    parquet.write_table(pyarrow.table(columns), path)


def _read_parquet(path: Path) -> tuple[np.ndarray, list[str], list[str] | None]:
    table = _parquet().read_table(path)
    column = table['features'].combine_chunks()
    features = column.flatten().to_numpy().reshape(len(table), -1)
    labels = table['label'].to_pylist() if 'label' in table.column_names else None
    return features, table['file'].to_pylist(), labels


def _utf8(name: str) -> str:
    """The name with bytes that are not UTF-8 escaped, as Parquet needs it."""
    return name.encode('utf-8', 'backslashreplace').decode()
