"""``cldmm report``: one HTML page about one or several runs.

It needs no network and can be sent as a file: figures side by side, curves, the
embedding, groups and neighbors at each checkpoint, pictures and configs.
"""

import argparse
import sys
from pathlib import Path

HELP = 'write one HTML page about runs: curves, groups and neighbors over time'


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the command."""
    parser.add_argument('work_dirs', nargs='+', type=Path, metavar='RUN', help='folder')
    parser.add_argument('--out', type=Path, help='page (default: RUN/report.html)')
    parser.add_argument('--images', type=int, default=1000, help='images of the sample')
    parser.add_argument('--groups', type=int, help='K; default: the classes, or 10')
    parser.add_argument(
        '--checkpoints', type=int, default=12, help='checkpoints to show, at most'
    )
    parser.add_argument(
        '--no-snapshots', action='store_true', help='no embedding, groups and neighbors'
    )


def run(args: argparse.Namespace) -> None:
    """Write the page."""
    from cld_mm.report import collect_run, take_snapshot, write_page

    if min(args.images, args.checkpoints, args.groups or 1) < 1:
        raise ValueError('--images, --checkpoints and --groups must be at least 1.')
    out = args.out or args.work_dirs[0] / 'report.html'
    runs = [collect_run(work_dir) for work_dir in args.work_dirs]
    snapshots = []
    for one in runs:
        snapshot = None
        if args.no_snapshots:
            one.notes.append('No embedding: --no-snapshots was given.')
        else:
            snapshot = take_snapshot(one, args.images, args.groups, args.checkpoints)
        snapshots.append(snapshot)
        for note in one.notes:
            print(f'{one.name}: {note}', file=sys.stderr)
    out.parent.mkdir(parents=True, exist_ok=True)
    write_page(runs, snapshots, out)
    print(f'report {out} ({out.stat().st_size / 1e6:.1f} MB)')
