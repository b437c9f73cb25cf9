"""Every measure of frozen features: ``python tools/evaluate.py CONFIG CHECKPOINT``.

kNN, groups against classes, retrieval and geometry, on each kind of feature; printed
and written as JSON. Alignment is that of two views of training images, the rest that of
the test images.
"""

import argparse
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import cld_mm.registry  # noqa: F401, I001
import torch
from mmengine.dist import is_main_process
from torch import Tensor
from torch.nn import functional as F
from tqdm import tqdm

from cld_mm.apis import extract_features
from cld_mm.cli.frozen_backbone import load_frozen, run_frozen
from cld_mm.cli.run_tool import add_common_flags, results_folder
from cld_mm.cli.results_json import write_results
from cld_mm.evaluation.view_pairs import extract_view_pairs
from cld_mm.datasets import assign_object_ids
from cld_mm.evaluation import (
    accuracy_by_frequency,
    alignment,
    dimension_std,
    effective_rank,
    group_features,
    group_quality,
    knn_classify,
    retrieval,
    uniformity,
)


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description='Measure frozen features.')
    parser.add_argument('config', help='pre-training config')
    parser.add_argument('checkpoint', help='checkpoint file')
    add_common_flags(parser)
    parser.add_argument('--groups', type=int, help='K; else the number of classes')
    parser.add_argument(
        '--views', type=int, default=1000, help='images for alignment; 0 leaves it out'
    )
    parser.add_argument(
        '--out', help='JSON file; else WORK_DIR/evaluate_<checkpoint>.json'
    )
    return parser.parse_args()


def measure(
    train: Tensor, labels: Tensor, test: Tensor, truth: Tensor, loop, groups: int | None
) -> dict[str, Any]:
    """All measures of one kind of feature."""
    classes = int(max(labels.max(), truth.max())) + 1
    scores = knn_classify(train, labels, test, loop.k, loop.temperature, classes)
    counts = torch.bincount(labels, minlength=classes)
    accuracy = accuracy_by_frequency(scores.argmax(dim=1), truth, counts)
    unit = F.normalize(test, dim=1)
    found = group_features(unit, groups or classes, num_iters=50)
    spread = dimension_std(test)
    return {
        **{f'knn_top1_{part}': value for part, value in accuracy.items()},
        **group_quality(found, truth),
        **retrieval(test, truth, train, labels),
        'uniformity': uniformity(test),
        'effective_rank': effective_rank(test),
        'std_mean': float(spread.mean()),
        'std_smallest': float(spread.min()),
    }


def instance_retrieval(
    train: Tensor, test: Tensor, instances: list[Tensor] | None
) -> dict[str, float]:
    """Retrieval of the same object; empty where the data set names no objects.

    Among the training images, or, where these show other objects, among the test
    images themselves.
    """
    if instances is None:
        return {}
    gallery, wanted = instances
    shared = bool(torch.isin(wanted, gallery).any())
    if not shared and len(wanted.unique()) == len(wanted):
        return {}  # each object is shown once: there is nothing to find
    found = (
        retrieval(test, wanted, train, gallery)
        if shared
        else retrieval(test, wanted, test, wanted, same_images=True)
    )
    return {f'instance_{name}': value for name, value in found.items()}


def evaluate(runner, args: argparse.Namespace) -> None:
    """Print and write the measures."""
    if args.groups is not None and args.groups < 1:
        raise ValueError(f'--groups is {args.groups}, but one at least is needed.')
    loop = load_frozen(runner)
    instances = assign_object_ids(
        loop.train_dataloader.dataset, loop.dataloader.dataset
    )
    train = extract_features(runner.model, loop.train_dataloader)
    test = extract_features(runner.model, loop.dataloader)
    pairs = extract_view_pairs(runner, args.views)
    if not is_main_process():  # every rank has all features: one measures
        return
    results = {
        name: measure(
            train[name], train['labels'], test[name], test['labels'], loop, args.groups
        )
        | instance_retrieval(train[name], test[name], instances)
        | ({'alignment': alignment(*pairs[name])} if name in pairs else {})
        for name in tqdm(train, 'measures', unit='feature', leave=False, disable=None)
        if name != 'labels'
    }
    names = list(results)
    print(f'{"":22s}' + ''.join(f'{name:>12s}' for name in names))
    for key in results[names[0]]:
        values = [results[name][key] for name in names]
        row = ''.join(f'{"-" if v != v else f"{v:.4f}":>12s}' for v in values)
        print(f'{key:22s}{row}')
    write_results(results, args.out, results_folder(args), 'evaluate', args.checkpoint)


def main() -> None:
    args = parse_args()
    run_frozen(args, evaluate)


if __name__ == '__main__':
    main()
