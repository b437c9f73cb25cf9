"""A grid of kNN accuracies: ``python tools/knn.py CONFIG CHECKPOINT [flags]``.

Features are extracted once; every k and temperature then takes a vote.
"""

import argparse
import itertools
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import cld_mm.registry  # noqa: F401, I001
from mmengine.dist import is_main_process
from tqdm import tqdm

from cld_mm.apis import extract_features
from cld_mm.cli.frozen_backbone import load_frozen, run_frozen
from cld_mm.cli.run_tool import add_common_flags, results_folder
from cld_mm.cli.results_json import write_results
from cld_mm.evaluation import knn_classify, top_k_accuracy
from cld_mm.evaluation.functional.knn import check_vote


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description='kNN accuracies of a checkpoint.')
    parser.add_argument('config', help='pre-training config')
    parser.add_argument('checkpoint', help='checkpoint file')
    add_common_flags(parser)
    parser.add_argument('--k', type=int, nargs='+', default=[10, 20, 100, 200])
    parser.add_argument('--temperature', type=float, nargs='+', default=[0.07, 0.1])
    parser.add_argument('--out', help='JSON file; else WORK_DIR/knn_<checkpoint>.json')
    return parser.parse_args()


def evaluate(runner, args: argparse.Namespace) -> None:
    """Print and write the accuracies of every k and temperature."""
    check_vote(min(args.k), min(args.temperature))
    loop = load_frozen(runner)
    train = extract_features(runner.model, loop.train_dataloader)
    test = extract_features(runner.model, loop.dataloader)
    if not is_main_process():  # every rank has all features: one votes
        return
    names = [name for name in train if name != 'labels']
    grid = list(itertools.product(names, args.k, args.temperature))
    rows = []
    for name, k, temperature in tqdm(grid, 'kNN', leave=False, disable=None):
        scores = knn_classify(train[name], train['labels'], test[name], k, temperature)
        top1, top5 = top_k_accuracy(scores, test['labels'])
        rows.append(
            {
                'features': name,
                'k': k,
                'temperature': temperature,
                'top1': top1,
                'top5': top5,
            }
        )
    print(f'{"features":10s} {"k":>5s} {"T":>6s} {"top-1 %":>8s} {"top-5 %":>8s}')
    for row in rows:
        print(
            f'{row["features"]:10s} {row["k"]:5d} {row["temperature"]:6.3g} '
            f'{row["top1"]:8.2f} {row["top5"]:8.2f}'
        )
    write_results(rows, args.out, results_folder(args), 'knn', args.checkpoint)


def main() -> None:
    args = parse_args()
    run_frozen(args, evaluate)


if __name__ == '__main__':
    main()
