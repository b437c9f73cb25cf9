"""``cldmm knn``: accuracy of nearest neighbors, without any training."""

import argparse

from cld_mm.cli.arguments import positive

from .labeled import accuracies, add_labeled_arguments, labeled_splits

HELP = 'classify labeled images by their nearest neighbors'


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the command."""
    add_labeled_arguments(parser)
    parser.add_argument('--k', type=positive, nargs='+', default=[1, 10, 20])
    parser.add_argument('--temperature', type=float, default=0.1)


def run(args: argparse.Namespace) -> None:
    """Print top-1 and top-5 for each k."""
    from cld_mm.evaluation import knn_classify
    from cld_mm.evaluation.functional.knn import check_vote

    check_vote(min(args.k), args.temperature)
    splits = labeled_splits(args)
    for k in args.k:
        number = min(k, len(splits.train))
        scores = knn_classify(
            splits.train,
            splits.train_labels,
            splits.test,
            number,
            args.temperature,
            num_classes=len(splits.classes) + 1,
        )
        print(f'k {number:<5d} {accuracies(scores, splits, least=0)}')
