"""Training curves of runs: ``tools/visualization/curves.py WORK_DIR ...``."""

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from cld_mm.cli.command_line import command_line


def main() -> None:
    parser = argparse.ArgumentParser(description='Draw the curves of some runs.')
    parser.add_argument('runs', nargs='+', type=Path, help='work dirs or scalars.json')
    parser.add_argument(
        '--names', nargs='+', help='of the runs; default: their folders'
    )
    parser.add_argument('--out', type=Path, default=Path('curves.png'))
    parser.add_argument('--debug', action='store_true', help='show tracebacks')
    args = parser.parse_args()
    with command_line(args.debug):
        from cld_mm.cli.picture_tools import check_picture
        from cld_mm.visualization import plot_curves

        check_picture(args.out)
        names = args.names or [run.resolve().name for run in args.runs]
        if not args.names and len(set(names)) < len(names):
            names = [str(run) for run in args.runs]
        if len(names) != len(args.runs) or len(set(names)) < len(names):
            raise ValueError(
                f'{len(args.runs)} runs, but the names {names}: each run needs its own.'
            )
        runs = dict(zip(names, args.runs, strict=True))
        plot_curves(runs if len(runs) > 1 else args.runs[0], args.out)
        print(f'picture {args.out}')


if __name__ == '__main__':
    main()
