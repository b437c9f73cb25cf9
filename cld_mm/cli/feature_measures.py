"""kNN, groups, retrieval and geometry of frozen features."""

import argparse
from typing import Any

import torch
from mmengine.dist import is_main_process
from mmengine.runner import Runner
from torch import Tensor
from torch.nn import functional as F
from tqdm import tqdm

from cld_mm.apis import extract_features
from cld_mm.datasets import assign_object_ids
from cld_mm.engine.loops.knn_loop import KNNLoop
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
from cld_mm.evaluation.view_pairs import extract_view_pairs

from .frozen_backbone import load_frozen
from .results_json import write_results
from .run_tool import results_folder


def measure(
    train: Tensor,
    labels: Tensor,
    test: Tensor,
    truth: Tensor,
    loop: KNNLoop,
    groups: int | None,
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
    """Retrieval of the same object; empty where the dataset names no objects.

    Searched among the training images, or among the test images if the training images
    show other objects.
    """
    if instances is None:
        return {}
    gallery, wanted = instances
    shared = bool(torch.isin(wanted, gallery).any())
    if not shared and len(wanted.unique()) == len(wanted):
        return {}  # each object is shown once
    found = (
        retrieval(test, wanted, train, gallery)
        if shared
        else retrieval(test, wanted, test, wanted, same_images=True)
    )
    return {f'instance_{name}': value for name, value in found.items()}


def evaluate(runner: Runner, args: argparse.Namespace) -> None:
    """Print and write the measures."""
    if args.groups is not None and args.groups < 1:
        raise ValueError(f'--groups must be at least 1, got {args.groups}.')
    loop = load_frozen(runner)
    instances = assign_object_ids(
        loop.train_dataloader.dataset, loop.dataloader.dataset
    )
    train = extract_features(runner.model, loop.train_dataloader)
    test = extract_features(runner.model, loop.dataloader)
    pairs = extract_view_pairs(runner, args.views).features
    if not is_main_process():  # every rank has all features: one is enough
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
