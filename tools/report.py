"""One HTML page about one or several runs: ``python tools/report.py WORK_DIR ...``.

It works offline as a single file: results side by side, curves, the embedding, groups
and neighbors at each checkpoint, pictures and configs.
"""

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from cld_mm.cli.command_line import command_line


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description='Write the report of some runs.')
    parser.add_argument('work_dirs', nargs='+', type=Path, metavar='WORK_DIR')
    parser.add_argument('--out', type=Path, help='page; default: WORK_DIR/report.html')
    parser.add_argument('--images', type=int, default=1000, help='images of the sample')
    parser.add_argument('--groups', type=int, help='K; default: the classes, or 10')
    parser.add_argument(
        '--checkpoints', type=int, default=12, help='checkpoints to show, at most'
    )
    parser.add_argument(
        '--no-snapshots', action='store_true', help='no embedding, groups and neighbors'
    )
    parser.add_argument('--debug', action='store_true', help='show tracebacks')
    return parser.parse_args()


def report(args: argparse.Namespace, out: Path) -> None:
    """Write the page."""
    from cld_mm.report import collect_run, take_snapshot, write_page

    if min(args.images, args.checkpoints, args.groups or 1) < 1:
        raise ValueError('--images, --checkpoints and --groups must be at least 1.')
    runs = [collect_run(work_dir) for work_dir in args.work_dirs]
    snapshots = []
    for run in runs:
        snapshot = None
        if args.no_snapshots:
            run.notes.append('No embedding: --no-snapshots was given.')
        else:
            snapshot = take_snapshot(run, args.images, args.groups, args.checkpoints)
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
