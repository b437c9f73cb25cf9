"""``export_backbone.py CHECKPOINT OUT --to timm``: the same as ``cldmm export``."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from cld_mm.cli.main import main as cldmm


def main() -> None:
    cldmm(['export', *sys.argv[1:]])


if __name__ == '__main__':
    main()
