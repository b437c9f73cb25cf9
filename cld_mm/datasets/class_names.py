"""Class names: one list for all splits, taken from training and matched by name.

A label is a position in its dataset's own list of class names. Where the folders of two
splits differ, equal numbers mean different classes, so labels are renumbered by name
before anything compares them.
"""

import pickle
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

from mmengine.dataset import BaseDataset
from mmengine.logging import print_log

from cld_mm.registry import DATASETS

from .junk_files import is_junk
from .labels import all_datasets, has_labels, inner_datasets, read_labels, take_images

Name = tuple[str, int]  # a class name, and how often it occurred before (ImageNet)
UNKNOWN_CLASSES = ('error', 'exclude')


def read_class_names(dataset: Any) -> list[str] | None:
    """Names of all classes of a dataset, or None where its labels are numbers only.

    A wrapper has the classes of all datasets that it holds. Of mmpretrain's folder
    datasets, junk folders and those without images are no classes.
    """
    names: dict[Name, None] = {}
    for leaf in _leaves(dataset):
        own = _own_names(leaf)
        if own is not None and has_labels(leaf):
            used = _used_folders(leaf)
            names |= dict.fromkeys(
                key for i, key in enumerate(own) if used is None or i in used
            )
    return [name for name, _ in names] or None


def align_classes(
    dataset: Any, names: Sequence[str], unknown_classes: str = 'error'
) -> Any:
    """Renumber a dataset's labels, in place, as positions in a list of class names.

    Args:
        dataset: any dataset, wrapped or not; it is returned as it is where it has no
            labels or already counts along ``names``.
        names: the class names of training; empty where it has numbers only.
        unknown_classes: what happens to images whose class is not in ``names``:
            'error' numbers their classes behind those of ``names``, so that every
            prediction for them counts as wrong; 'exclude' removes them.

    Returns:
        The dataset, or a part of it without the excluded images.

    Raises:
        ValueError: only one of the two has names, or they have none in common; the
            setting is unknown.
    """
    if unknown_classes not in UNKNOWN_CLASSES:
        raise ValueError(
            f"unknown_classes is {unknown_classes!r}, but must be 'error' or 'exclude'."
        )
    own = read_class_names(dataset)
    if not has_labels(dataset) or (own is None and not names):
        return dataset
    if own is None or not names:
        raise ValueError(
            f'the {"test" if own is None else "training"} images have class numbers '
            f'without names, but the {"training" if own is None else "test"} images '
            f'have the classes {_listed(own or names)}: name the classes of both, for '
            'example by metainfo=dict(classes=[...]).'
        )
    wanted, found = _numbered(names), _numbered(own)
    if not set(wanted) & set(found):
        raise ValueError(
            f'the classes {_listed(own)} of these images have no name in common with '
            f'those of training, {_listed(names)}: give both splits the same names, '
            'for example by metainfo=dict(classes=[...]).'
        )
    everything = wanted + [name for name in found if name not in set(wanted)]
    if _renumber(dataset, everything) and len(everything) > len(wanted):
        dataset = _report_unknown(dataset, everything, len(wanted), unknown_classes)
    return dataset


@DATASETS.register_module()
def AlignedClasses(
    dataset: dict[str, Any],
    classes: Sequence[str] | None = None,
    unknown_classes: str = 'error',
) -> Any:
    """A dataset whose labels are positions in a given list of class names.

    Args:
        dataset: config of the dataset, or the dataset.
        classes: as in :func:`align_classes`; None takes the dataset's own, without
            junk and empty folders.
        unknown_classes: as in :func:`align_classes`.
    """
    built = DATASETS.build(dataset) if isinstance(dataset, dict) else dataset
    if hasattr(built, 'full_init'):
        built.full_init()
    built = _without_junk(built)
    if classes is not None:
        return align_classes(built, classes, unknown_classes)
    own = read_class_names(built)
    return built if own is None else align_classes(built, own)


def _renumber(dataset: Any, names: list[Name]) -> bool:
    """Renumber all labels along ``names``; whether there was anything to do."""
    position = {name: number for number, name in enumerate(names)}
    changed = False
    for leaf in _leaves(dataset):
        own = _own_names(leaf)
        if own is None or own == names:
            continue
        changed = True
        table = {-1: -1}
        table |= {i: position[key] for i, key in enumerate(own) if key in position}
        if any(old != new for old, new in table.items()) or len(own) > len(names):
            renumber_leaf(leaf, table)
    for node in all_datasets(dataset):
        if isinstance(vars(node).get('_metainfo'), dict):
            node._metainfo = {**node._metainfo, 'classes': tuple(n for n, _ in names)}
    return changed


def renumber_leaf(leaf: Any, table: dict[int, int]) -> None:
    """Renumber a dataset's labels in place; those that the table lacks become -1."""
    if hasattr(leaf, 'renumber_labels'):
        leaf.renumber_labels(table)
    elif isinstance(leaf, BaseDataset):
        _renumber_records(leaf, table)
    else:
        raise TypeError(
            f'the classes of a {type(leaf).__name__} differ from those of training, '
            'and it has no method renumber_labels(table): give both splits the same '
            'list of classes.'
        )


def _renumber_records(dataset: BaseDataset, table: dict[int, int]) -> None:
    if dataset.serialize_data:
        data, starts = memoryview(dataset.data_bytes), [0, *dataset.data_address]
        records = [
            pickle.loads(data[start:end])  # noqa: S301 mmengine's own bytes, in memory
            for start, end in pairwise(starts)
        ]
    else:
        records = dataset.data_list
    for record in records:
        if 'gt_label' in record:
            label = record['gt_label']
            record['gt_label'] = (
                [table.get(int(one), -1) for one in label]
                if isinstance(label, Iterable)
                else table.get(int(label), -1)
            )
    if dataset.serialize_data:
        dataset.data_list = records
        dataset.data_bytes, dataset.data_address = dataset._serialize_data()


def _report_unknown(
    dataset: Any, names: list[Name], known: int, unknown_classes: str
) -> Any:
    labels = read_labels(dataset)
    counts = Counter(names[label][0] for label in labels if label >= known)
    if not counts:
        return dataset
    number = sum(counts.values())
    exclude = unknown_classes == 'exclude'
    print_log(
        f'{number} of {len(labels)} test images have a class that training lacks '
        f'({_listed(list(counts))}): they '
        + (
            "are left out (unknown_classes='exclude')."
            if exclude
            else 'count as errors, so that the accuracy can reach '
            f'{100 * (1 - number / len(labels)):.2f} %; set '
            "unknown_classes='exclude' to leave them out."
        ),
        'current',
        30,
    )
    if not exclude:
        return dataset
    if number == len(labels):
        raise ValueError('no test image is left: all have classes that training lacks.')
    part = take_images(dataset, [i for i, label in enumerate(labels) if label < known])
    _renumber(part, names[:known])
    return part


def _without_junk(dataset: Any) -> Any:
    if not any(
        is_junk(n) for leaf in _leaves(dataset) for n, _ in _own_names(leaf) or ()
    ):
        return dataset
    paths = [Path(dataset.get_data_info(i)['img_path']) for i in range(len(dataset))]
    kept = [
        i
        for i, path in enumerate(paths)
        if not is_junk(path.name) and not is_junk(path.parent.name)
    ]
    return dataset if len(kept) == len(paths) else take_images(dataset, kept)


def _leaves(dataset: Any) -> list[Any]:
    inner = [] if hasattr(dataset, 'renumber_labels') else inner_datasets(dataset)
    return [leaf for other in inner for leaf in _leaves(other)] or [dataset]


def _own_names(leaf: Any) -> list[Name] | None:
    classes = (getattr(leaf, 'metainfo', None) or {}).get('classes')
    return _numbered(classes) if classes else None


def _numbered(names: Iterable[Any]) -> list[Name]:
    seen: Counter[str] = Counter()
    numbered = []
    for name in map(str, names):
        numbered.append((name, seen[name]))
        seen[name] += 1
    return numbered


def _used_folders(leaf: Any) -> set[int] | None:
    """Numbers of the folders with images, for mmpretrain's folder datasets."""
    folders = getattr(leaf, 'folder_to_idx', None)
    if not folders or list(folders) != list(leaf.metainfo['classes']):
        return None
    junk = {number for folder, number in folders.items() if is_junk(folder)}
    if not junk and getattr(leaf, 'skips_empty_folders', False):
        return None
    return {int(label) for label in read_labels(leaf)} - junk


def _listed(names: Sequence[str], most: int = 5) -> str:
    more = f', ... ({len(names)} in all)' if len(names) > most else ''
    return ', '.join(map(str, names[:most])) + more
