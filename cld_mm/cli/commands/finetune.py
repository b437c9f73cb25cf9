"""``cldmm finetune``: a classifier from the trained backbone and labeled images."""

import argparse
from pathlib import Path

from .embed import add_model

HELP = 'train a classifier on labeled images, starting from the trained backbone'


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the command."""
    from cld_mm.cli.arguments import OptionsAction, natural, positive

    add_model(parser)
    parser.add_argument(
        'data',
        help='labeled images: class folders (with train and test or val inside, or a '
        'fifth is held out), a CSV or list file, shards',
    )
    parser.add_argument('--test', help='labeled test images, if not in data')
    parser.add_argument('--out', type=Path, default=Path('fine-tuned'), help='folder')
    parser.add_argument('--size', type=positive, help='side of the images')
    parser.add_argument('--epochs', type=positive, default=20)
    parser.add_argument('--batch-size', type=positive, help='images per step')
    parser.add_argument('--lr', type=float, help='learning rate of the head')
    parser.add_argument('--workers', type=natural, help='loader processes')
    parser.add_argument('--seed', type=int, default=0)
    parser.add_argument(
        '--cfg-options', nargs='+', action=OptionsAction, metavar='KEY=VALUE'
    )


def run(args: argparse.Namespace) -> None:
    """Train, and print where the classifier is."""
    from cld_mm.apis.finetune_images import finetune

    done = finetune(
        args.checkpoint,
        args.data,
        args.out,
        args.test,
        args.config,
        args.size,
        args.epochs,
        args.batch_size,
        args.lr,
        args.workers,
        args.seed,
        args.cfg_options,
    )
    print(f'Done: {done}; config: {args.out}/config.py')
