"""``cldmm pretrain``: a trained backbone from a folder of images."""

import argparse
import re
import time
from pathlib import Path

from cld_mm.cli.arguments import add_cfg_options, call_with_options, natural, positive

HELP = 'train a backbone on your images, without labels'
METHODS = 'mocov2-cld, npid-cld, byol-cld, infomin-cld, simclr-cld, simsiam-cld'


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the command."""
    parser.add_argument(
        'data',
        nargs='+',
        help='folder of images (flat, nested or of classes), list or CSV file, tar '
        'shards or Hugging Face dataset; or several',
    )
    parser.add_argument('--out', type=Path, help='folder of the run; a new one')
    parser.add_argument(
        '--method',
        default='mocov2-cld',
        help=f'{METHODS}; without -cld the method alone (default: mocov2-cld)',
    )
    parser.add_argument(
        '--backbone',
        help='resnet18, resnet50, vit-small, convnext-tiny, ... or any name of '
        'mmpretrain or timm (default: resnet50; without a GPU resnet18)',
    )
    parser.add_argument(
        '--init',
        metavar='WEIGHTS',
        help='weights to start from, also of other projects',
    )
    parser.add_argument(
        '--size',
        type=int,
        help='side of the views (default: that of the images, at most 224; without a '
        'GPU 96)',
    )
    parser.add_argument(
        '--channels',
        dest='in_channels',
        type=positive,
        metavar='N',
        help='bands of the images, which then keep their depth (default: 3, or the '
        'number of bands if they are more than RGB and alpha)',
    )
    parser.add_argument(
        '--time',
        dest='seconds',
        type=duration,
        metavar='TIME',
        help='for everything: 90s, 3m, 2h, 1.5d',
    )
    parser.add_argument(
        '--epochs', type=positive, help='instead of --time (default: 200)'
    )
    parser.add_argument(
        '--devices', type=positive, help='GPUs, or processes (default: all GPUs)'
    )
    chosen = parser.add_argument_group('chosen for you unless given')
    chosen.add_argument('--batch-size', type=positive, help='images per device')
    chosen.add_argument('--lr', type=float, help='learning rate')
    chosen.add_argument('--workers', type=natural, help='loader processes per device')
    chosen.add_argument('--precision', choices=('float32', 'bfloat16', 'float16'))
    for name, dest, text in (
        ('--groups', 'num_groups', 'K, number of groups'),
        ('--queue', 'queue_len', 'length of the queue'),
    ):
        chosen.add_argument(name, dest=dest, type=positive, metavar='N', help=text)
    chosen.add_argument('--seed', type=int, default=0)
    add_cfg_options(parser, dest='options')
    parser.set_defaults(started=time.monotonic())


def duration(text: str) -> float:
    """Seconds of '90s', '3m', '2h' or '1.5d'."""
    found = re.fullmatch(r'(\d+(?:\.\d+)?)([smhd])', text.strip().lower())
    if not found or not float(found[1]):
        raise argparse.ArgumentTypeError(f'expected such as 90s, 3m, 2h, got {text!r}')
    return float(found[1]) * {'s': 1, 'm': 60, 'h': 3600, 'd': 86400}[found[2]]


def run(args: argparse.Namespace) -> None:
    """Train, and say what can be done next."""
    from cld_mm.apis.pretrain_images import pretrain

    if args.seconds is not None and args.epochs is not None:
        raise ValueError('give --time or --epochs, not both.')
    done = call_with_options(pretrain, args)
    data = args.data[0]
    print(
        f'Done: {done.checkpoint}\nNext:\n'
        f'  cldmm embed {done.out} {data} --out embeddings.npz\n'
        f'  cldmm explore {done.out} {data} --out explored\n'
        f'  cldmm export {done.out} backbone.pth --to timm'
    )
