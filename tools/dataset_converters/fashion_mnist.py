"""Get Fashion-MNIST: ``python tools/dataset_converters/fashion_mnist.py``.

From Debian's package where it is installed or can be, else by download, else
scikit-learn's digits (1,797 real 8×8 digits) in the same layout; it says which.
"""

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import cld_mm.registry  # noqa: F401
from cld_mm.cli.command_line import command_line
from cld_mm.datasets.preparation.fashion_mnist import FASHION_MNIST_URL, SOURCES, fetch


def main() -> None:
    parser = argparse.ArgumentParser(description='Get Fashion-MNIST.')
    parser.add_argument('--out', default='data/fashion-mnist', help='target folder')
    parser.add_argument(
        '--source',
        choices=['auto', *SOURCES],
        default='auto',
        help='where from; "auto" tries all in this order',
    )
    parser.add_argument('--url', default=FASHION_MNIST_URL, help='of the download')
    parser.add_argument('--debug', action='store_true', help='show tracebacks')
    args = parser.parse_args()
    with command_line(args.debug):
        print(fetch(Path(args.out), args.source, args.url))


if __name__ == '__main__':
    main()
