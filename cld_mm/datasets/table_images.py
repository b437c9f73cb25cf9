"""TableImages: images in Arrow or Parquet files, as Hugging Face datasets are."""

import json
from pathlib import Path
from typing import Any

from mmpretrain.datasets import BaseDataset

from cld_mm.registry import DATASETS

from .loading_settings import settle_loading

LABELS = ('label', 'labels', 'class', 'fine_label', 'target')


@DATASETS.register_module()
class TableImages(BaseDataset):
    """Images in Arrow or Parquet files; LoadImage reads them.

    The image column is the one whose values hold encoded ``bytes``; class names come
    from the files' ClassLabel feature.

    Args:
        data_root: a file, or a folder of files, as ``save_to_disk`` and
            ``to_parquet`` write them.
        with_label: whether to read labels; 'auto' where there is a column for them.
        **kwargs: as in mmpretrain's BaseDataset.

    Raises:
        ValueError: there is no such file, image column or label column.
        ImportError: pyarrow is not installed.
    """

    def __init__(
        self, data_root: str, with_label: bool | str = 'auto', **kwargs: Any
    ) -> None:
        self.with_label = with_label
        super().__init__(ann_file='', data_root=data_root, **kwargs)

    def full_init(self) -> None:
        """Read the table, and decide how images are read."""
        if not self._fully_initialized:
            super().full_init()
            settle_loading(self)

    def load_data_list(self) -> list[dict]:
        """One record per row."""
        root = Path(self.data_root).expanduser()
        table = _read_table(root)
        images = [f.name for f in table.schema if _has_bytes(f.type)]
        if not images:
            raise ValueError(
                f'{root} has the columns {", ".join(table.column_names)}, but none of '
                'encoded images.'
            )
        self._images = table.column(images[0])
        labels = [name for name in LABELS if name in table.column_names]
        if self.with_label is True and not labels:
            raise ValueError(
                f'{root} has the columns {", ".join(table.column_names)}, but none of '
                f'{", ".join(LABELS)}: set with_label=False.'
            )
        records: list[dict] = [
            {'img_path': f'{root}#{row}', 'row': row} for row in range(len(table))
        ]
        if labels and self.with_label:
            values = table.column(labels[0]).to_pylist()
            names = _class_names(table.schema, labels[0])
            if values and isinstance(values[0], str):
                names = names or sorted(set(values))
                values = [names.index(value) for value in values]
            if names is not None:
                self._metainfo.setdefault('classes', tuple(names))
            for record, value in zip(records, values, strict=True):
                record['gt_label'] = -1 if value is None else int(value)
        return records

    def get_data_info(self, idx: int) -> dict:
        """The record of an image with its encoded bytes."""
        info = super().get_data_info(idx)
        value = self._images[info['row']].as_py()
        info['encoded'] = value['bytes'] if isinstance(value, dict) else value
        return info


def is_table(path: Path) -> bool:
    """Whether this is an Arrow or Parquet file, or a folder of them."""
    return bool(_table_files(path))


def _table_files(path: Path) -> list[Path]:
    if path.is_file():
        return [path] if path.suffix in ('.arrow', '.parquet') else []
    files = [*path.rglob('*.arrow'), *path.rglob('*.parquet')]
    files = sorted(file for file in files if not file.name.startswith('cache-'))
    train = [file for file in files if 'train' in file.relative_to(path).as_posix()]
    return train or files  # of a folder with several splits, training


def _read_table(root: Path) -> Any:
    files = _table_files(root)
    if not files:
        raise ValueError(f'{root} has no .arrow or .parquet files.')
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError as error:
        raise ImportError(
            f'{root} has Arrow or Parquet files, which need pyarrow: run pip install '
            'pyarrow.'
        ) from error
    tables = []
    for file in files:
        if file.suffix == '.parquet':
            tables.append(parquet.read_table(file, memory_map=True))
            continue
        source = pyarrow.memory_map(str(file))
        try:
            tables.append(pyarrow.ipc.open_stream(source).read_all())
        except pyarrow.ArrowInvalid:  # the file format, with a footer
            tables.append(pyarrow.ipc.open_file(source).read_all())
    return pyarrow.concat_tables(tables)


def _has_bytes(kind: Any) -> bool:
    import pyarrow.types as types

    if types.is_struct(kind):
        return any(f.name == 'bytes' and _has_bytes(f.type) for f in kind)
    return types.is_binary(kind) or types.is_large_binary(kind)


def _class_names(schema: Any, column: str) -> list[str] | None:
    metadata = json.loads((schema.metadata or {}).get(b'huggingface', b'{}'))
    features = metadata.get('info', {}).get('features', {})
    return features.get(column, {}).get('names')
