"""All measures of frozen features: ``python tools/evaluate.py CONFIG CHECKPOINT``.

kNN, groups against classes, retrieval and geometry, on each kind of feature; printed
and written as JSON beside the checkpoint. Alignment compares two views of training
images; the rest is measured on the test images.
"""

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from cld_mm.cli.arguments import add_common_flags, add_data_flags
from cld_mm.cli.command_line import command_line


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description='Measure frozen features.')
    parser.add_argument('config', help='pre-training config')
    parser.add_argument('checkpoint', help='checkpoint file')
    add_common_flags(parser)
    add_data_flags(parser)
    parser.add_argument('--groups', type=int, help='K; default: number of classes')
    parser.add_argument(
        '--views', type=int, default=1000, help='images for alignment; 0 for none'
    )
    parser.add_argument(
        '--out', help='JSON file; default: evaluate_<checkpoint>.json beside it'
    )
    return parser.parse_args()


def main() -> None:
    args = parse_args()
    with command_line(args.debug):
        from cld_mm.cli.feature_measures import evaluate
        from cld_mm.cli.frozen_backbone import run_frozen

    run_frozen(args, evaluate)


if __name__ == '__main__':
    main()
