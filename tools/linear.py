"""Linear and low-shot classifiers on cached features: seconds instead of hours.

``python tools/linear.py CONFIG CHECKPOINT [flags]`` extracts features once, without
augmentation, fits a classifier for every learning rate at once, and chooses by a
held-out part of the training images. For the papers' protocols, with augmentation, see
configs/benchmarks/linear.
"""

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import cld_mm.registry  # noqa: F401, I001
from mmengine.dist import is_main_process

from cld_mm.apis import extract_features
from cld_mm.cli.frozen_backbone import load_frozen, run_frozen
from cld_mm.cli.run_tool import add_common_flags, results_folder
from cld_mm.cli.results_json import write_results
from cld_mm.evaluation import fit_linear, low_shot, top_k_accuracy


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description='Linear probes of cached features.')
    parser.add_argument('config', help='pre-training config')
    parser.add_argument('checkpoint', help='checkpoint file')
    add_common_flags(parser)
    parser.add_argument(
        '--lr', type=float, nargs='+', default=[0.01, 0.03, 0.1, 0.3, 1.0, 3.0]
    )
    parser.add_argument('--epochs', type=int, default=30)
    parser.add_argument(
        '--shots',
        type=int,
        nargs='*',
        default=[],
        help='also classify by so few images',
    )
    parser.add_argument('--draws', type=int, default=5, help='draws of these')
    parser.add_argument('--classifier', choices=['logistic', 'svm'], default='logistic')
    parser.add_argument(
        '--out', help='JSON file; else WORK_DIR/linear_<checkpoint>.json'
    )
    return parser.parse_args()


def evaluate(runner, args: argparse.Namespace) -> None:
    """Print and write the accuracies on the pooled backbone feature."""
    loop = load_frozen(runner)
    train = extract_features(runner.model, loop.train_dataloader)
    test = extract_features(runner.model, loop.dataloader)
    if not is_main_process():  # every rank has all features: one fits
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
            print(
                f'{shots:3d} images a class: top-1 {mean:6.2f} % (deviation {std:.2f})'
            )
        results['low_shot'] = found
    write_results(results, args.out, results_folder(args), 'linear', args.checkpoint)


def main() -> None:
    args = parse_args()
    run_frozen(args, evaluate)


if __name__ == '__main__':
    main()
