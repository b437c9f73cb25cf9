"""Parts of a dataset: a fraction of its labels, a long tail, or a list.

Each is a name in the registry that takes another dataset's config, wrapped or not, and
gives that dataset, cut down:
``dict(type='LongTailed', dataset=dict(type='CIFAR10', ...))``.
"""

from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np

from cld_mm.fileio.image_decoding import printable
from cld_mm.registry import DATASETS

from .label_files import read_lines
from .labels import read_labels, take_images
from .pipelines import with_pipeline


@DATASETS.register_module()
def LabeledFraction(
    dataset: dict[str, Any],
    fraction: float | None = None,
    list_file: str | None = None,
    seed: int = 0,
) -> Any:
    """Some of a dataset's images: the 1 % and 10 % of semi-supervised training.

    Args:
        dataset: config of the dataset.
        fraction: of each class's images, drawn by ``seed``, one at least.
        list_file: instead of a draw, a text file that names an image per line: its
            file name or path, or its index in the dataset.
        seed: of the draw.

    Raises:
        ValueError: neither or both of ``fraction`` and ``list_file`` are given,
            ``fraction`` is outside (0, 1], or a line names no image.
    """
    _check_one('fraction', fraction, list_file)
    if fraction is not None and not 0 < fraction <= 1:
        raise ValueError(
            f'fraction is {fraction}, but must be in (0, 1]: write 0.01 for 1 %.'
        )
    built = DATASETS.build(dataset)
    if fraction is None:
        return take_images(built, _read_indices(built, str(list_file)))
    classes = _by_class(built)
    counts = {label: max(1, round(fraction * len(x))) for label, x in classes.items()}
    return take_images(built, _draw(classes, counts, seed))


@DATASETS.register_module()
def LongTailed(
    dataset: dict[str, Any],
    imbalance_factor: float | None = None,
    list_file: str | None = None,
    seed: int = 0,
) -> Any:
    """A dataset whose classes shrink exponentially (Cui et al., arXiv 1901.05555).

    Class c of C keeps ``n_max * factor ** (-c / (C - 1))`` images, drawn by ``seed``.

    Args:
        dataset: config of the dataset.
        imbalance_factor: largest class over smallest, 1 or more.
        list_file: instead of a draw, as in LabeledFraction (ImageNet-LT's lists
            have a path and a label per line; the label is ignored).
        seed: of the draw.

    Raises:
        ValueError: neither or both are given, the factor is below 1, or a line names
            no image.
    """
    _check_one('imbalance_factor', imbalance_factor, list_file)
    if imbalance_factor is not None and not imbalance_factor >= 1:
        raise ValueError(
            f'imbalance_factor is {imbalance_factor}, but it is the largest class over '
            'the smallest and at least 1: the usual ones are 10, 50 and 100.'
        )
    built = DATASETS.build(dataset)
    if imbalance_factor is None:
        return take_images(built, _read_indices(built, str(list_file)))
    classes = _by_class(built)
    largest = max(map(len, classes.values()))
    steps = max(1, len(classes) - 1)
    counts = {
        label: max(1, int(largest * imbalance_factor ** (-rank / steps)))
        for rank, label in enumerate(sorted(classes))
    }
    return take_images(built, _draw(classes, counts, seed))


@DATASETS.register_module()
def HeldOut(
    dataset: dict[str, Any],
    part: str,
    fraction: float = 0.1,
    seed: int = 0,
    pipeline: list | None = None,
) -> Any:
    """Training images, split in two: to fit on, and to choose settings by.

    Args:
        dataset: config of the dataset.
        part: 'fit' or 'held_out'.
        fraction: of each class that is held out.
        seed: of the draw; the same for both parts.
        pipeline: instead of the dataset's own, such as that of evaluation.

    Raises:
        ValueError: the part is unknown, or the fraction is outside (0, 1).
    """
    if part not in ('fit', 'held_out') or not 0 < fraction < 1:
        raise ValueError(
            f"part is {part!r} and fraction {fraction}: take 'fit' or 'held_out', and "
            'a fraction in (0, 1).'
        )
    if pipeline is not None:
        dataset = with_pipeline(dataset, pipeline)
    built = DATASETS.build(dataset)
    classes = _by_class(built)
    counts = {label: max(1, round(fraction * len(x))) for label, x in classes.items()}
    held_out = _draw(classes, counts, seed)
    if part == 'held_out':
        return take_images(built, held_out)
    kept = sorted(set(range(len(built))) - set(held_out))
    if not kept:
        raise ValueError(
            f'all {len(built)} images are held out: lower the fraction, now {fraction}.'
        )
    return take_images(built, kept)


def _check_one(name: str, value: float | None, list_file: str | None) -> None:
    if (value is None) == (list_file is None):
        raise ValueError(f'{name} is {value} and list_file {list_file}: give one.')


def _by_class(dataset: Any) -> dict[int, list[int]]:
    indices: dict[int, list[int]] = defaultdict(list)
    for index, label in enumerate(read_labels(dataset).tolist()):
        indices[label].append(index)
    return dict(indices)


def _draw(
    classes: dict[int, list[int]], counts: dict[int, int], seed: int
) -> list[int]:
    generator = np.random.default_rng(seed)
    chosen: list[int] = []
    for label in sorted(classes):
        chosen += generator.permutation(classes[label])[: counts[label]].tolist()
    return sorted(chosen)


def _read_indices(dataset: Any, list_file: str) -> list[int]:
    lines = [line for _, line in read_lines(list_file)]
    numbers = [line.split()[0] for line in lines]
    if all(number.isascii() and number.isdigit() for number in numbers):
        indices = [int(number) for number in numbers]
    else:
        known: dict[str, list[int]] = defaultdict(list)
        for index in range(len(dataset)):
            info = dataset.get_data_info(index)
            if 'img_path' not in info:
                raise ValueError(
                    f'{list_file} names images, but those of a {type(dataset).__name__}'
                    ' have no names: list their indices, counted from 0.'
                )
            path = Path(info['img_path'])
            known[path.name].append(index)
            known['/'.join(path.parts[-2:])].append(index)
        indices = [_find(known, line, list_file) for line in lines]
    if max(indices) >= len(dataset):
        raise ValueError(
            f'{list_file} names {max(indices)}, but the dataset has {len(dataset)} '
            'images, counted from 0: fix the list.'
        )
    return indices


def _find(known: dict[str, list[int]], line: str, list_file: str) -> int:
    """The image of a line: a name, or a path of which the last two parts count."""
    for name in (line, line.rsplit(maxsplit=1)[0]):  # a label may follow it
        found = known.get('/'.join(Path(name).parts[-2:]), [])
        if len(found) > 1:
            raise ValueError(
                f'{list_file} names {printable(name)}, and {len(found)} images of the '
                'dataset are called so: write their folders before them.'
            )
        if found:
            return found[0]
    raise ValueError(
        f'{list_file} names {printable(line)}, which is not in the dataset: fix the '
        'list, or add the image.'
    )
