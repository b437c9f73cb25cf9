"""A confusion matrix of kNN: ``confusion_matrix.py CONFIG CHECKPOINT``.

Each test image is classified by its nearest training images of the config's evaluation.
The counts are also written as JSON beside the picture.
"""

import argparse
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from cld_mm.cli.arguments import add_data_flags, viewer_parser
from cld_mm.cli.frozen_backbone import frozen_features, run_frozen
from cld_mm.cli.run_tool import results_folder


def draw(runner: Any, args: argparse.Namespace) -> None:
    """Classify, count, draw and print."""
    import torch
    from mmengine.dist import is_main_process

    from cld_mm.cli.picture_tools import check_picture
    from cld_mm.cli.results_json import write_results
    from cld_mm.evaluation import knn_classify
    from cld_mm.visualization import plot_confusion

    name = f'confusion_matrix_{Path(args.checkpoint).stem}.png'
    out = args.out or results_folder(args) / name
    check_picture(out)
    loop, train, test = frozen_features(runner)
    if not is_main_process():  # every rank has all features: one is enough
        return
    if args.feature not in train:
        kinds = ', '.join(name for name in train if name != 'labels')
        raise ValueError(f'--feature {args.feature}: this model gives {kinds}.')
    names = loop.dataloader.dataset.metainfo.get('classes')
    labels = test['labels']
    number = len(names) if names else int(max(labels.max(), train['labels'].max())) + 1
    scores = knn_classify(
        train[args.feature],
        train['labels'],
        test[args.feature],
        loop.k,
        loop.temperature,
        number,
    )
    found = scores.argmax(dim=1)
    counts = torch.bincount(labels * number + found, minlength=number**2)
    counts = counts.view(number, number)
    names = [str(name) for name in names or range(number)]
    top1 = 100 * float((found == labels).float().mean())
    title = (
        f'kNN, k {loop.k}, {args.feature} feature: top-1 {top1:.2f} % of {len(labels)}'
    )
    plot_confusion(counts.numpy(), names, out, title)
    result = {'classes': names, 'counts': counts.tolist(), 'top1': top1}
    off = counts.clone().fill_diagonal_(0)
    worst = off.flatten().argsort(descending=True)[:5].tolist()
    for cell in worst:
        true, guess = divmod(cell, number)
        if off[true, guess]:
            print(f'{names[true]} classified as {names[guess]}: {off[true, guess]}')
    print(f'top-1 {top1:.2f} %\npicture {out}')
    write_results(result, out.with_suffix('.json'), out.parent)


def main() -> None:
    parser = viewer_parser('Draw a confusion matrix.', None)
    add_data_flags(parser)
    run_frozen(parser.parse_args(), draw)


if __name__ == '__main__':
    main()
