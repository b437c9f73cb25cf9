"""The backbone for other libraries: ``export_backbone.py CHECKPOINT OUT --to timm``."""

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import cld_mm.registry  # noqa: F401
from cld_mm.cli.command_line import command_line
from cld_mm.converters.export_backbone import PREFIXES, export_backbone


def main() -> None:
    parser = argparse.ArgumentParser(description="Export a checkpoint's backbone.")
    parser.add_argument('checkpoint', type=Path)
    parser.add_argument('out', type=Path)
    parser.add_argument('--to', choices=list(PREFIXES), default='torchvision')
    parser.add_argument('--debug', action='store_true', help='show tracebacks')
    args = parser.parse_args()
    with command_line(args.debug):
        number = export_backbone(args.checkpoint, args.out, args.to)
        print(f'{number} tensors for {args.to}: {args.out}')


if __name__ == '__main__':
    main()
