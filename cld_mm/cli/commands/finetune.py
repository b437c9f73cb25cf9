"""``cldmm finetune``: a classifier from the trained backbone and labeled images."""

import argparse
from pathlib import Path

from cld_mm.cli.arguments import add_cfg_options, call_with_options, natural, positive

from .embed import add_model
from .labeled import add_labeled_images

HELP = 'train a classifier on labeled images, starting from the trained backbone'


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the command."""
    add_model(parser)
    add_labeled_images(parser)
    parser.add_argument('--out', type=Path, default=Path('fine-tuned'), help='folder')
    parser.add_argument('--size', type=positive, help='side of the images')
    parser.add_argument('--epochs', type=positive, default=20)
    parser.add_argument('--batch-size', type=positive, help='images per step')
    parser.add_argument('--lr', type=float, help='learning rate of the head')
    parser.add_argument('--workers', type=natural, help='loader processes')
    parser.add_argument('--seed', type=int, default=0)
    add_cfg_options(parser, dest='options')


def run(args: argparse.Namespace) -> None:
    """Train, and print where the classifier is."""
    from cld_mm.apis.finetune_images import finetune

    done = call_with_options(finetune, args)
    print(f'Done: {done}; config: {args.out}/config.py')
