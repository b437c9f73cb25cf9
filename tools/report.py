"""One HTML page about one or several runs: ``python tools/report.py WORK_DIR ...``.

It needs no network and can be sent as a file: figures side by side, curves, the
embedding, groups and neighbours at each checkpoint, pictures and configs.
"""

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import cld_mm.registry  # noqa: F401
from cld_mm.cli.command_line import command_line
from cld_mm.report import collect_run, look_at_run, write_page


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description='Write the report of some runs.')
    parser.add_argument('work_dirs', nargs='+', type=Path, metavar='WORK_DIR')
    parser.add_argument('--out', type=Path, help='page; else WORK_DIR/report.html')
    parser.add_argument('--images', type=int, default=1000, help='images to show')
    parser.add_argument('--groups', type=int, help='K; else the number of classes')
    parser.add_argument(
        '--checkpoints', type=int, default=12, help='checkpoints to look at, at most'
    )
    parser.add_argument(
        '--no-look', action='store_true', help='leave embedding and groups out'
    )
    parser.add_argument('--debug', action='store_true', help='show tracebacks')
    return parser.parse_args()


def report(args: argparse.Namespace, out: Path) -> None:
    """Write the page."""
    if min(args.images, args.checkpoints, args.groups or 1) < 1:
        raise ValueError('--images, --checkpoints and --groups are 1 at least.')
    runs = [collect_run(work_dir) for work_dir in args.work_dirs]
    snapshots = []
    for run in runs:
        snapshot = None
        if args.no_look:
            run.notes.append('No embedding: --no-look was given.')
        else:
            snapshot = look_at_run(run, args.images, args.groups, args.checkpoints)
        snapshots.append(snapshot)
        for note in run.notes:
            print(f'{run.name}: {note}', file=sys.stderr)
    out.parent.mkdir(parents=True, exist_ok=True)
    write_page(runs, snapshots, out)


def main() -> None:
    args = parse_args()
    out = args.out or args.work_dirs[0] / 'report.html'
    with command_line(args.debug):
        report(args, out)
        print(f'report {out} ({out.stat().st_size / 1e6:.1f} MB)')


if __name__ == '__main__':
    main()
