"""Join a sharded memory bank: ``python tools/model_converters/merge_bank.py SRC DST``.

SRC is a checkpoint with its rows beside it (``epoch_1.pth`` and ``epoch_1.bank``); DST
gets them as one bank, for ``bank_sharded=False`` and for other tools.
"""

import argparse
import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description='Join a sharded memory bank.')
    parser.add_argument('src', type=Path, help='checkpoint with a .bank folder')
    parser.add_argument('dst', type=Path, help='new checkpoint')
    parser.add_argument('--debug', action='store_true', help='show tracebacks')
    return parser.parse_args()


if __name__ == '__main__':
    parse_args()  # --help and wrong flags, before imports that take seconds

import torch

import cld_mm.registry  # noqa: F401
from cld_mm.cli.command_line import command_line
from cld_mm.engine.checkpoint.bank_rows import bank_folder, num_rows, read_rows
from cld_mm.fileio.checkpoint_loading import load_safely


def main() -> None:
    args = parse_args()
    with command_line(args.debug):
        if args.dst.exists():
            raise ValueError(f'{args.dst} exists: name another file.')
        folder = bank_folder(args.src)
        checkpoint = load_safely(args.src)
        rows = read_rows(folder, 0, max(1, num_rows(folder)))
        checkpoint['state_dict']['bank.features'] = rows
        partial = args.dst.with_name(args.dst.name + '.part')
        torch.save(checkpoint, partial)
        os.replace(partial, args.dst)
        print(f'{len(rows)} rows of {folder} joined in {args.dst}.')


if __name__ == '__main__':
    main()
