"""Linear and low-shot classifiers on cached features.

``python tools/linear.py CONFIG CHECKPOINT [flags]`` extracts features once, without
augmentation, fits a classifier for every learning rate at once, and chooses the rate by
a held-out part of the training images. The results are also written beside the
checkpoint. For the papers' protocols, with augmentation, see configs/benchmarks/linear.
"""

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from cld_mm.cli.arguments import add_common_flags, add_data_flags
from cld_mm.cli.command_line import command_line


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description='Linear probes of cached features.')
    parser.add_argument('config', help='pre-training config')
    parser.add_argument('checkpoint', help='checkpoint file')
    add_common_flags(parser)
    add_data_flags(parser)
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
    parser.add_argument(
        '--out', help='JSON file; default: linear_<checkpoint>.json beside it'
    )
    return parser.parse_args()


def main() -> None:
    args = parse_args()
    with command_line(args.debug):
        from cld_mm.cli.frozen_backbone import run_frozen
        from cld_mm.cli.linear_probe import evaluate

    run_frozen(args, evaluate)


if __name__ == '__main__':
    main()
