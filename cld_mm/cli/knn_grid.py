"""kNN accuracies of a frozen network for each k and temperature."""

import argparse
import itertools

from mmengine.dist import is_main_process
from mmengine.runner import Runner
from tqdm import tqdm

from cld_mm.apis import extract_features
from cld_mm.evaluation import knn_classify, top_k_accuracy
from cld_mm.evaluation.functional.knn import check_vote

from .frozen_backbone import load_frozen
from .results_json import write_results
from .run_tool import results_folder


def evaluate(runner: Runner, args: argparse.Namespace) -> None:
    """Print and write the accuracies of every k and temperature."""
    check_vote(min(args.k), min(args.temperature))
    loop = load_frozen(runner)
    train = extract_features(runner.model, loop.train_dataloader)
    test = extract_features(runner.model, loop.dataloader)
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
