"""Linear and low-shot classifiers on cached features.

``python tools/linear.py CONFIG CHECKPOINT [flags]`` extracts features once, without
augmentation, fits a classifier for every learning rate at once, and chooses the rate by
a held-out part of the training images. The results are also written beside the
checkpoint. For the papers' protocols, with augmentation, see configs/benchmarks/linear.
"""

import argparse
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from cld_mm.cli.arguments import frozen_parser
from cld_mm.cli.frozen_backbone import frozen_features, run_frozen
from cld_mm.cli.run_tool import results_folder


def evaluate(runner: Any, args: argparse.Namespace) -> None:
    """Print and write the accuracies on the pooled backbone feature."""
    from mmengine.dist import is_main_process

    from cld_mm.cli.results_json import write_results
    from cld_mm.evaluation import fit_linear, low_shot, top_k_accuracy

    _, train, test = frozen_features(runner)
    if not is_main_process():  # every rank has all features: one is enough
        return
    x, y, truth = train['backbone'], train['labels'], test['labels']
    fit = fit_linear(x, y, args.lr, args.epochs)
    scores = fit.scores(test['backbone'])
    top1, top5 = top_k_accuracy(scores, truth)
    for rate, held_out in zip(fit.learning_rates, fit.held_out.tolist(), strict=True):
        chosen = ' (chosen)' if rate == fit.learning_rates[fit.best] else ''
        print(f'lr {rate:<8g} held-out top-1 {held_out:6.2f} %{chosen}')
    print(f'linear, test: top-1 {top1:.2f} %, top-5 {top5:.2f} %')
    results = {
        'held_out': dict(zip(map(str, args.lr), fit.held_out.tolist(), strict=True)),
        'lr': fit.learning_rates[fit.best],
        'top1': top1,
        'top5': top5,
    }
    if args.shots:
        found = low_shot(
            x, y, test['backbone'], truth, args.shots, args.draws, args.classifier
        )
        for shots, (mean, std) in found.items():
            print(f'{shots:3d} images per class: top-1 {mean:6.2f} ± {std:.2f} %')
        results['low_shot'] = found
    write_results(results, args.out, results_folder(args), 'linear', args.checkpoint)


def main() -> None:
    parser = frozen_parser('Linear probes of cached features.')
    parser.add_argument(
        '--lr', type=float, nargs='+', default=[0.01, 0.03, 0.1, 0.3, 1.0, 3.0]
    )
    parser.add_argument('--epochs', type=int, default=30)
    parser.add_argument(
        '--shots',
        type=int,
        nargs='*',
        default=[],
        help='also classify by this many images per class',
    )
    parser.add_argument('--draws', type=int, default=5, help='random draws of --shots')
    parser.add_argument('--classifier', choices=['logistic', 'svm'], default='logistic')
    run_frozen(parser.parse_args(), evaluate)


if __name__ == '__main__':
    main()
