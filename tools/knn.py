"""A grid of kNN accuracies: ``python tools/knn.py CONFIG CHECKPOINT [flags]``.

Features are extracted once and classified with every k and temperature. The results are
also written beside the checkpoint.
"""

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from cld_mm.cli.arguments import add_common_flags, add_data_flags
from cld_mm.cli.command_line import command_line


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description='kNN accuracies of a checkpoint.')
    parser.add_argument('config', help='pre-training config')
    parser.add_argument('checkpoint', help='checkpoint file')
    add_common_flags(parser)
    add_data_flags(parser)
    parser.add_argument('--k', type=int, nargs='+', default=[10, 20, 100, 200])
    parser.add_argument('--temperature', type=float, nargs='+', default=[0.07, 0.1])
    parser.add_argument('--out', help='JSON file; default: beside the checkpoint')
    return parser.parse_args()


def main() -> None:
    args = parse_args()
    with command_line(args.debug):
        from cld_mm.cli.frozen_backbone import run_frozen
        from cld_mm.cli.knn_grid import evaluate

    run_frozen(args, evaluate)


if __name__ == '__main__':
    main()
