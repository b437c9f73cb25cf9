"""Get Fashion-MNIST: ``python tools/dataset_converters/fashion_mnist.py``.

From Debian's package where it is installed or can be, else by download, else
scikit-learn's digits (1,797 real 8×8 digits) in the same layout; it says which.
"""

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from cld_mm.cli.command_line import command_line


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description='Get Fashion-MNIST.')
    parser.add_argument('--out', default='data/fashion-mnist', help='target folder')
    parser.add_argument(
        '--source',
        choices=['auto', 'debian', 'download', 'digits'],
        default='auto',
        help='where from; "auto" tries all in this order',
    )
    parser.add_argument('--url', help='download from here instead')
    parser.add_argument('--debug', action='store_true', help='show tracebacks')
    return parser.parse_args()


def main() -> None:
    args = parse_args()
    with command_line(args.debug):
        from cld_mm.datasets.preparation import fashion_mnist

        url = args.url or fashion_mnist.FASHION_MNIST_URL
        print(fashion_mnist.fetch(Path(args.out), args.source, url))


if __name__ == '__main__':
    main()
