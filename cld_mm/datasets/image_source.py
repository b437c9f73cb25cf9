"""build_image_dataset: a dataset of whatever form a user's images have.

A flat folder, class folders, nested folders, several folders, a list or CSV file, tar
shards, or a Hugging Face dataset in Arrow or Parquet files.
"""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mmengine.logging import print_log
from mmengine.registry import DefaultScope

from cld_mm.fileio.image_formats import readable_suffixes
from cld_mm.registry import DATASETS

from .folder_listing import list_class_folders, list_images
from .label_files import SEPARATORS, read_entries
from .table_images import is_table

Source = str | os.PathLike
TRAINING = ('train', 'training')
TESTING = ('test', 'testing', 'val', 'validation', 'valid')
SPLITS = {*TRAINING, *TESTING}


def build_image_dataset(
    data: Source | Sequence[Source],
    with_label: bool | str = 'auto',
    pipeline: Sequence[Any] = (),
    **settings: Any,
) -> Any:
    """A dataset of these images.

    Args:
        data: a folder or file, or several.
        with_label: True needs labels, False ignores them, 'auto' takes class folders
            (every image exactly one folder deep), label columns and shards' classes.
        pipeline: the dataset's transforms.
        **settings: handed to the dataset.

    Raises:
        ValueError: there are no images, or no labels where they are needed.
        FileNotFoundError: there is no such path.
    """
    config = describe_image_source(data, with_label)
    with DefaultScope.overwrite_default_scope('cld_mm'):
        return DATASETS.build(_complete(config, {'pipeline': pipeline, **settings}))


def split_folders(data: Source, test: Source | None = None) -> tuple[str, str | None]:
    """Where training and test images are: ``data/train`` and ``data/test`` (or val).

    Args:
        data: a folder or file.
        test: test images, if they are elsewhere.

    Returns:
        ``data`` itself and None where it has no such folders.
    """
    if test is not None:
        return str(data), str(test)
    root = Path(data)
    training = next((root / name for name in TRAINING if (root / name).is_dir()), None)
    testing = next((root / name for name in TESTING if (root / name).is_dir()), None)
    if training and testing:
        return str(training), str(testing)
    return str(data), None


@DATASETS.register_module()
def ImageSource(
    data: Source | Sequence[Source],
    with_label: bool | str = 'auto',
    pipeline: Sequence[Any] = (),
    **settings: Any,
) -> Any:
    """:func:`build_image_dataset` as a dataset type of configs."""
    return build_image_dataset(data, with_label, pipeline, **settings)


def describe_image_source(
    data: Source | Sequence[Source], with_label: bool | str = 'auto'
) -> dict[str, Any]:
    """The config of the dataset that these images are, without a pipeline.

    Raises:
        ValueError: there are no images, or no labels where they are needed.
        FileNotFoundError: there is no such path.
    """
    if isinstance(data, (str, os.PathLike)):
        return _describe(Path(data).expanduser(), with_label)
    if not data:
        raise ValueError('data names no folder or file.')
    parts = [_describe(Path(one).expanduser(), with_label) for one in data]
    if not all(part.get('with_label', True) for part in parts):
        parts = [_describe(Path(one).expanduser(), False) for one in data]
    return {'type': 'SeededConcatDataset', 'datasets': parts}


def _complete(config: dict[str, Any], settings: dict[str, Any]) -> dict[str, Any]:
    if 'datasets' in config:
        inner = [{**part, **settings} for part in config['datasets']]
        return {**config, 'datasets': inner}
    return {**config, **settings}


def _describe(path: Path, with_label: bool | str) -> dict[str, Any]:
    if not path.exists():
        raise FileNotFoundError(f'{path} does not exist.')
    if path.suffix == '.tar':
        return {
            'type': 'TarShards',
            'data_root': str(path.parent),
            'shards': path.name,
        }
    if path.is_file() and not is_table(path):
        return _describe_list(path, with_label)
    if path.is_dir() and any(path.glob('*.tar')):
        return {'type': 'TarShards', 'data_root': str(path)}
    if is_table(path):
        return {'type': 'TableImages', 'data_root': str(path), 'with_label': with_label}
    return _describe_folder(path, with_label)


def _describe_list(path: Path, with_label: bool | str) -> dict[str, Any]:
    known = {*SEPARATORS, '.txt', '.lst', '.list'}
    if path.suffix.lower() not in known:
        raise ValueError(
            f'{path} is neither a folder nor a list ({", ".join(sorted(known))}), tar, '
            'Arrow or Parquet file.'
        )
    if with_label == 'auto':
        # A line with a label is no path.
        names = [entry.name for entry in read_entries(path, False)[:20]]
        with_label = not all((path.parent / name).is_file() for name in names)
        if path.suffix.lower() in SEPARATORS:
            try:
                with_label = bool(read_entries(path, True))
            except ValueError:
                with_label = False
    return {
        'type': 'ImageFolder',
        'data_root': str(path.parent),
        'ann_file': path.name,
        'with_label': bool(with_label),
    }


def _describe_folder(path: Path, with_label: bool | str) -> dict[str, Any]:
    suffixes = tuple(readable_suffixes())
    folders = list_class_folders(path)
    train = next((name for name in TRAINING if name in folders), None)
    if train and set(folders) <= SPLITS:
        others = ', '.join(name for name in folders if name != train)
        if others:
            print_log(
                f'{path}: images of {train} are used, not of {others}.', 'current'
            )
        return _describe(path / train, with_label)
    # The dataset lists them again, and reports what is skipped.
    names = list_images(path, lambda n: n.lower().endswith(suffixes), False)
    if not names:
        raise ValueError(
            f'{path} has no readable images ({", ".join(sorted(suffixes))}).'
        )
    depths = {name.count('/') for name in names}
    if with_label == 'auto':
        with_label = depths == {1} and len({n.split('/')[0] for n in names}) > 1
    elif with_label and 0 in depths and len(depths) == 1:
        raise ValueError(
            f'{path} has {len(names)} images without class folders, but labels are '
            'needed: sort them into a folder per class, or give a CSV file with the '
            'columns path and label.'
        )
    return {
        'type': 'ImageFolder',
        'data_root': str(path),
        'with_label': bool(with_label),
    }
