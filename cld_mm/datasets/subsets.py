"""Parts of a dataset: a fraction of its labels, a long tail, or a list.

Each is a name in the registry that takes another dataset's config and gives that
dataset, cut down: ``dict(type='LongTailed', dataset=dict(type='CIFAR10', ...))``.
"""

from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np

from cld_mm.fileio.image_decoding import printable
from cld_mm.registry import DATASETS

from .label_files import read_lines


@DATASETS.register_module()
def LabeledFraction(  # a dataset's name in configs
    dataset: dict[str, Any],
    fraction: float | None = None,
    list_file: str | None = None,
    seed: int = 0,
) -> Any:
    """Some of a dataset's images: the 1 % and 10 % of semi-supervised training.

    Args:
        dataset: config of the dataset.
        fraction: share of each class's images, drawn by ``seed``, one at least.
        list_file: instead of a draw, a text file that names an image a line: its
            file name or path, or its place in the dataset.
        seed: of the draw.

    Raises:
        ValueError: neither or both of ``fraction`` and ``list_file`` are given,
            ``fraction`` is outside (0, 1], or a line names no image.
    """
    if (fraction is None) == (list_file is None):
        raise ValueError(
            f'fraction is {fraction} and list_file {list_file}: give exactly one.'
        )
    built = DATASETS.build(dataset)
    if fraction is None:
        return built.get_subset(_listed(built, str(list_file)))
    if not 0 < fraction <= 1:
        raise ValueError(
            f'fraction is {fraction}, but it is a share of the images and lies in '
            '(0, 1]: write 0.01 for 1 %.'
        )
    counts = {
        label: max(1, round(fraction * len(places)))
        for label, places in _by_class(built).items()
    }
    return built.get_subset(_draw(built, counts, seed))


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
            have a path and a label a line; the label is ignored).
        seed: of the draw.

    Raises:
        ValueError: neither or both are given, the factor is below 1, or a line names
            no image.
    """
    if (imbalance_factor is None) == (list_file is None):
        raise ValueError(
            f'imbalance_factor is {imbalance_factor} and list_file {list_file}: give '
            'exactly one.'
        )
    built = DATASETS.build(dataset)
    if imbalance_factor is None:
        return built.get_subset(_listed(built, str(list_file)))
    if not imbalance_factor >= 1:
        raise ValueError(
            f'imbalance_factor is {imbalance_factor}, but it is the largest class over '
            'the smallest and at least 1: the usual ones are 10, 50 and 100.'
        )
    classes = _by_class(built)
    largest = max(len(places) for places in classes.values())
    steps = max(1, len(classes) - 1)
    counts = {
        label: min(
            len(classes[label]),
            max(1, int(largest * imbalance_factor ** (-rank / steps))),
        )
        for rank, label in enumerate(sorted(classes))
    }
    return built.get_subset(_draw(built, counts, seed))


@DATASETS.register_module()
def HeldOut(
    dataset: dict[str, Any],
    part: str,
    fraction: float = 0.1,
    seed: int = 0,
    pipeline: list | None = None,
) -> Any:
    """Training images, but for a fraction that is held out to choose settings by.

    Args:
        dataset: config of the dataset.
        part: 'fit' for the images that are left, 'held_out' for the others.
        fraction: of each class that is held out.
        seed: of the draw; the same for both parts.
        pipeline: instead of the dataset's own, such as that of evaluation.

    Raises:
        ValueError: the part is unknown, or the fraction is outside (0, 1).
    """
    if part not in ('fit', 'held_out') or not 0 < fraction < 1:
        raise ValueError(
            f"part is {part!r} and fraction {fraction}: take 'fit' or 'held_out', and a "
            'fraction in (0, 1).'
        )
    if pipeline is not None:
        dataset = {**dataset, 'pipeline': pipeline}
    built = DATASETS.build(dataset)
    counts = {
        label: max(1, round(fraction * len(places)))
        for label, places in _by_class(built).items()
    }
    held_out = _draw(built, counts, seed)
    if part == 'held_out':
        return built.get_subset(held_out)
    kept = set(range(len(built))) - set(held_out)
    if not kept:
        raise ValueError(
            f'of {len(built)} images all are held out: lower the fraction, now {fraction}.'
        )
    return built.get_subset(sorted(kept))


def _by_class(dataset: Any) -> dict[int, list[int]]:
    places: dict[int, list[int]] = defaultdict(list)
    for place, label in enumerate(dataset.get_gt_labels()):
        places[int(label)].append(place)
    return dict(places)


def _draw(dataset: Any, counts: dict[int, int], seed: int) -> list[int]:
    generator = np.random.default_rng(seed)
    classes = _by_class(dataset)
    chosen: list[int] = []
    for label in sorted(classes):
        drawn = generator.permutation(classes[label])[: counts[label]]
        chosen += [int(place) for place in drawn]
    return sorted(chosen)


def _listed(dataset: Any, list_file: str) -> list[int]:
    lines = [line for _, line in read_lines(list_file)]
    numbers = [line.split()[0] for line in lines]
    if all(number.isascii() and number.isdigit() for number in numbers):
        places = [int(number) for number in numbers]
    else:
        known: dict[str, list[int]] = defaultdict(list)
        for place in range(len(dataset)):
            info = dataset.get_data_info(place)
            if 'img_path' not in info:
                raise ValueError(
                    f'{list_file} names images, but those of a {type(dataset).__name__}'
                    ' have no names: list their places, counted from 0.'
                )
            path = Path(info['img_path'])
            known[path.name].append(place)
            known['/'.join(path.parts[-2:])].append(place)
        places = [_place(known, line, list_file) for line in lines]
    if not places or max(places) >= len(dataset):
        raise ValueError(
            f'{list_file} names {"no image" if not places else max(places)}, but the '
            f'dataset has {len(dataset)} images, counted from 0: mend the list.'
        )
    return places


def _place(known: dict[str, list[int]], line: str, list_file: str) -> int:
    """The image of a line: a name, or a path of which the last two parts count."""
    for name in (line, line.rsplit(maxsplit=1)[0]):  # a label may stand behind it
        found = known.get('/'.join(Path(name).parts[-2:]), [])
        if len(found) > 1:
            raise ValueError(
                f'{list_file} names {printable(name)}, and {len(found)} images of the '
                'dataset are called so: write their folders before them.'
            )
        if found:
            return found[0]
    raise ValueError(
        f'{list_file} names {printable(line)}, which is not in the dataset: mend the '
        'list, or bring the image.'
    )
