"""A grid of kNN accuracies: ``python tools/knn.py CONFIG CHECKPOINT [flags]``.

Features are extracted once and classified with every k and temperature. The results are
also written beside the checkpoint.
"""

import argparse
import itertools
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from cld_mm.cli.arguments import frozen_parser
from cld_mm.cli.frozen_backbone import frozen_features, run_frozen
from cld_mm.cli.run_tool import results_folder


def evaluate(runner: Any, args: argparse.Namespace) -> None:
    """Print and write the accuracies of every k and temperature."""
    from mmengine.dist import is_main_process
    from tqdm import tqdm

    from cld_mm.cli.results_json import write_results
    from cld_mm.evaluation import knn_classify, top_k_accuracy
    from cld_mm.evaluation.functional.knn import check_vote

    check_vote(min(args.k), min(args.temperature))
    _, train, test = frozen_features(runner)
    if not is_main_process():  # every rank has all features: one is enough
        return
    names = [name for name in train if name != 'labels']
    grid = list(itertools.product(names, args.k, args.temperature))
    rows = []
    for name, k, temperature in tqdm(grid, 'kNN', leave=False, disable=None):
        scores = knn_classify(train[name], train['labels'], test[name], k, temperature)
        top1, top5 = top_k_accuracy(scores, test['labels'], least=0)
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
    parser = frozen_parser('kNN accuracies of a checkpoint.')
    parser.add_argument('--k', type=int, nargs='+', default=[10, 20, 100, 200])
    parser.add_argument('--temperature', type=float, nargs='+', default=[0.07, 0.1])
    run_frozen(parser.parse_args(), evaluate)


if __name__ == '__main__':
    main()
