"""All measures of frozen features: ``python tools/evaluate.py CONFIG CHECKPOINT``.

kNN, groups against classes, retrieval and geometry, on each kind of feature; printed
and written as JSON beside the checkpoint. Alignment compares two views of training
images; the rest is measured on the test images.
"""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from cld_mm.cli.arguments import frozen_parser
from cld_mm.cli.frozen_backbone import frozen_features, run_frozen
from cld_mm.cli.run_tool import results_folder

if TYPE_CHECKING:
    from torch import Tensor


def instance_retrieval(
    train: 'Tensor', test: 'Tensor', instances: 'list[Tensor] | None'
) -> dict[str, float]:
    """Retrieval of the same object; empty where the dataset names no objects.

    Searched among the training images, or among the test images if the training images
    show other objects.
    """
    import torch

    from cld_mm.evaluation import retrieval

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


def evaluate(runner: Any, args: argparse.Namespace) -> None:
    """Print and write the measures."""
    from mmengine.dist import is_main_process
    from tqdm import tqdm

    from cld_mm.cli.results_json import write_results
    from cld_mm.datasets import assign_object_ids
    from cld_mm.evaluation import FrozenFeatures, alignment, feature_metrics
    from cld_mm.evaluation.view_pairs import extract_view_pairs

    if args.groups is not None and args.groups < 1:
        raise ValueError(f'--groups must be at least 1, got {args.groups}.')
    loop, train, test = frozen_features(runner)
    instances = assign_object_ids(
        loop.train_dataloader.dataset, loop.dataloader.dataset
    )
    pairs = extract_view_pairs(runner, args.views).features
    if not is_main_process():  # every rank has all features: one is enough
        return
    metrics = feature_metrics(
        k=loop.k, temperature=loop.temperature, num_groups=args.groups
    )

    def measure(*features: Any) -> dict[str, float]:
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


def main() -> None:
    parser = frozen_parser('Measure frozen features.')
    parser.add_argument('--groups', type=int, help='K; default: number of classes')
    parser.add_argument(
        '--views', type=int, default=1000, help='images for alignment; 0 for none'
    )
    run_frozen(parser.parse_args(), evaluate)


if __name__ == '__main__':
    main()
