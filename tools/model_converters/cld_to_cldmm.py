"""Convert a checkpoint of the CLD release: ``cld_to_cldmm.py SRC DST [--reverse]``.

Reads MoCo v2 + CLD, InfoMin + CLD, and MoCo + CLD and NPID + CLD on CIFAR; no object
in the file is ever executed. ``--reverse`` writes the release's layout.
"""

import argparse
import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description='Convert a released checkpoint.')
    parser.add_argument('src', metavar='SRC', help='checkpoint to read')
    parser.add_argument('dst', metavar='DST', help='checkpoint to write')
    parser.add_argument(
        '--reverse', action='store_true', help="from this project's to the release's"
    )
    parser.add_argument(
        '--allow-unknown', action='store_true', help='leave unknown keys out'
    )
    parser.add_argument(
        '--allow-missing', action='store_true', help='continue without missing keys'
    )
    parser.add_argument('--debug', action='store_true', help='show tracebacks')
    return parser.parse_args()


if __name__ == '__main__':
    parse_args()  # --help and wrong flags, before imports that take seconds

import cld_mm.registry  # noqa: F401, I001
import torch

from cld_mm.cli.command_line import command_line
from cld_mm.cli.error_messages import one_line
from cld_mm.converters.cld_release import convert, revert
from cld_mm.converters.cld_release_files import importable
from cld_mm.fileio.inert_pickle import load_tensors


def main() -> None:
    args = parse_args()
    with command_line(args.debug):
        checkpoint = load_tensors(args.src)
        if not isinstance(checkpoint, dict):
            raise ValueError(f'{args.src} holds no dict of weights.')
        change = revert if args.reverse else convert
        try:
            result = change(checkpoint, args.allow_unknown, args.allow_missing)
        except (ValueError, KeyError) as error:
            raise ValueError(f'{args.src}: {one_line(error)}') from error
        except (AttributeError, TypeError) as error:  # a stand-in where weights belong
            raise ValueError(
                f'{args.src} holds other objects where weights belong ({error}): it is '
                'no checkpoint of the CLD release.'
            ) from error
        partial = Path(f'{args.dst}.part')
        partial.parent.mkdir(parents=True, exist_ok=True)
        with importable(result.get('lemniscate')):
            torch.save(result, partial)
        os.replace(partial, args.dst)
        print(f'{args.src} converted to {args.dst}.')


if __name__ == '__main__':
    main()
