"""``cldmm linear``: accuracy of a linear classifier on the frozen backbone."""

import argparse

from cld_mm.cli.arguments import positive

from .labeled import accuracies, add_labeled_arguments, labeled_splits

HELP = 'fit a linear classifier on the features of labeled images'


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the command."""
    add_labeled_arguments(parser)
    parser.add_argument(
        '--lr', type=float, nargs='+', default=[0.01, 0.03, 0.1, 0.3, 1.0, 3.0]
    )
    parser.add_argument('--epochs', type=positive, default=30)


def run(args: argparse.Namespace) -> None:
    """Print top-1 and top-5 with the best learning rate."""
    import torch

    from cld_mm.evaluation import fit_linear

    splits = labeled_splits(args)
    fit = fit_linear(splits.train, splits.train_labels, args.lr, args.epochs)
    scores = fit.scores(splits.test)
    # Nobody guesses the index of classes that training lacks.
    never = torch.full((len(scores), 1), -1e9)
    scores = torch.cat([scores, never], dim=1)
    rate = fit.learning_rates[fit.best]
    print(f'linear (lr {rate:g})  {accuracies(scores, splits)}')
