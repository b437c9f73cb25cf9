"""Linear and low-shot classifiers on the frozen features of a network."""

import argparse

from mmengine.dist import is_main_process
from mmengine.runner import Runner

from cld_mm.apis import extract_features
from cld_mm.evaluation import fit_linear, low_shot, top_k_accuracy

from .frozen_backbone import load_frozen
from .results_json import write_results
from .run_tool import results_folder


def evaluate(runner: Runner, args: argparse.Namespace) -> None:
    """Print and write the accuracies on the pooled backbone feature."""
    loop = load_frozen(runner)
    train = extract_features(runner.model, loop.train_dataloader)
    test = extract_features(runner.model, loop.dataloader)
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
