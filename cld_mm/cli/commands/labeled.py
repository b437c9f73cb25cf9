"""What commands share that need labeled images: features with classes by name."""

import argparse
from pathlib import Path
from typing import Any, NamedTuple

from .embed import add_loading, add_model, load_model


class LabeledSplits(NamedTuple):
    """Features and class indices of training and test images.

    Attributes:
        train, train_labels: ``(N, C)`` and ``(N,)``.
        test, test_labels: ``(M, C)`` and ``(M,)``.
        classes: names, of the training images.
    """

    train: Any
    train_labels: Any
    test: Any
    test_labels: Any
    classes: list[str]


def add_labeled_images(parser: argparse.ArgumentParser) -> None:
    """Labeled images, of training and for testing."""
    parser.add_argument(
        'data',
        help='labeled images: class folders (with train and test or val inside, or a '
        'fifth is held out), a CSV or list file, shards',
    )
    parser.add_argument('--test', help='labeled test images, if not in data')


def add_labeled_arguments(parser: argparse.ArgumentParser) -> None:
    """A model and labeled images, with the features that are read."""
    add_model(parser)
    add_labeled_images(parser)
    parser.add_argument('--labels', type=Path, help='CSV file with file and label')
    parser.add_argument('--seed', type=int, default=0, help='of the held-out part')
    add_loading(parser)


def labeled_splits(args: argparse.Namespace) -> LabeledSplits:
    """Embed and split; classes are those of the training images, by name.

    Raises:
        ValueError: images have no labels, all are of one class, or training and test
            images have no class in common.
    """
    import numpy as np
    import torch

    from cld_mm.apis.embed_images import model_inputs
    from cld_mm.datasets.image_source import build_image_dataset, split_folders

    train_data, test_data = split_folders(Path(args.data).expanduser(), args.test)
    model = load_model(args)
    images = model_inputs(model, train_data)
    train = _labeled(args, model, images, train_data)
    if test_data is None:
        fit, held_out = hold_out(train.labels, args.seed)
        train, test = train.take(fit), train.take(held_out)
        print(
            f'{len(test)} of {len(train) + len(test)} images are held out for testing.'
        )
    else:
        # A single class folder is a label, too. Black and white are as in training.
        with_label = 'auto' if args.labels else True
        dataset = build_image_dataset(test_data, with_label, [{'type': 'LoadImage'}])
        images = model_inputs(model, dataset, images.value_range)
        test = _labeled(args, model, images, test_data)
    classes = sorted({*train.labels})
    if len(classes) < 2:
        raise ValueError(f'all labeled images are of one class, {classes[0]!r}.')
    index = {name: number for number, name in enumerate(classes)}
    unknown = sorted({name for name in test.labels if name not in index})
    count = sum(name in unknown for name in test.labels)
    if count == len(test):
        raise ValueError(
            'training and test images have no class in common: '
            f'{", ".join(classes[:5])} and {", ".join(unknown[:5])}.'
        )
    if count:
        print(
            f'{count} of {len(test)} test images are of classes that no training image '
            f'has ({", ".join(unknown[:5])}): they count as errors.'
        )
    # An index of its own, which is never right.
    labels = [index.get(name, len(classes)) for name in test.labels]
    return LabeledSplits(
        torch.from_numpy(train.features),
        torch.tensor([index[name] for name in train.labels]),
        torch.from_numpy(test.features),
        torch.from_numpy(np.array(labels)),
        classes,
    )


def accuracies(scores: Any, splits: LabeledSplits, least: float = float('-inf')) -> str:
    """Top-1, and top-5 where there are more than five classes, in percent.

    Classes whose score is not above ``least`` are never right.
    """
    from cld_mm.evaluation import top_k_accuracy

    top1, top5 = top_k_accuracy(scores, splits.test_labels, least=least)
    text = f'top-1 {top1:6.2f} %'
    return f'{text}   top-5 {top5:6.2f} %' if len(splits.classes) > 5 else text


def hold_out(labels: list[str], seed: int, fraction: float = 0.2) -> tuple[Any, Any]:
    """Indices of images to fit on and of those held out, of every class.

    Raises:
        ValueError: no class has two images.
    """
    import numpy as np

    generator = np.random.default_rng(seed)
    held_out: list[int] = []
    for name in sorted({*labels}):
        rows = np.array([i for i, label in enumerate(labels) if label == name])
        number = min(len(rows) - 1, max(1, round(fraction * len(rows))))
        held_out += generator.permutation(rows)[:number].tolist()
    if not held_out:
        raise ValueError(
            'no class has two images, so none can be held out: use --test.'
        )
    return sorted(set(range(len(labels))) - set(held_out)), sorted(held_out)


def _labeled(args: argparse.Namespace, model: Any, images: Any, data: str) -> Any:
    from cld_mm.apis import embed
    from cld_mm.apis.compare_networks import match_labels

    found = embed(model, images, args.batch_size, args.workers)
    if args.labels is not None:
        found.labels = match_labels(found.files, args.labels)
    rows = [i for i, name in enumerate(found.labels or []) if name]
    if not rows:
        raise ValueError(
            f'the images in {data} have no labels: sort them into a folder per class, '
            'or give --labels CSV with the columns file and label.'
        )
    if len(rows) < len(found):
        print(f'{len(found) - len(rows)} images without a label are left out.')
    return found.take(rows)
