"""Every registered metric of frozen features."""

import argparse

import torch
from mmengine.dist import is_main_process
from mmengine.runner import Runner
from torch import Tensor
from tqdm import tqdm

from cld_mm.apis import extract_features
from cld_mm.datasets import assign_object_ids
from cld_mm.evaluation import (
    FrozenFeatures,
    alignment,
    feature_metrics,
    retrieval,
)
from cld_mm.evaluation.view_pairs import extract_view_pairs

from .frozen_backbone import load_frozen
from .results_json import write_results
from .run_tool import results_folder


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
    metrics = feature_metrics(
        k=loop.k, temperature=loop.temperature, num_groups=args.groups
    )

    def measure(*features: Tensor) -> dict[str, float]:
        found = [metric.measure(FrozenFeatures(*features)) for metric in metrics]
        return {key: value for values in found for key, value in values.items()}

    results = {
        name: measure(train[name], train['labels'], test[name], test['labels'])
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
