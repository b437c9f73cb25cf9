"""``report.py WORK_DIR ...``: the same as ``cldmm report``."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from cld_mm.cli.main import main as cldmm


def main() -> None:
    cldmm(['report', *sys.argv[1:]])


if __name__ == '__main__':
    main()
