"""One HTML page about one or several runs: ``python tools/report.py WORK_DIR ...``.

It needs no network and can be sent as a file: figures side by side, curves, the
embedding, groups and neighbours at each checkpoint, pictures and configs.
"""

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import cld_mm  # noqa: F401
from cld_mm.apis.errors import one_sentence_errors
from cld_mm.report import collect_run, look_at_run, write_page


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description='Write the report of some runs.')
    parser.add_argument('work_dirs', nargs='+', type=Path, metavar='WORK_DIR')
    parser.add_argument('--out', type=Path, help='page; else WORK_DIR/report.html')
    parser.add_argument('--images', type=int, default=1000, help='images to show')
    parser.add_argument('--groups', type=int, help='K; else the number of classes')
    parser.add_argument(
        '--no-look', action='store_true', help='leave embedding and groups out'
    )
    parser.add_argument('--debug', action='store_true', help='show tracebacks')
    return parser.parse_args()


def report(
    work_dirs: list[Path],
    out: Path,
    images: int = 1000,
    groups: int | None = None,
    look: bool = True,
) -> Path:
    """Write the page and return its path."""
    runs = [collect_run(work_dir) for work_dir in work_dirs]
    snapshots = []
    for run in runs:
        snapshot = None
        if look:
            try:
                snapshot = look_at_run(run, images, groups)
            except FileNotFoundError as error:  # its data set is not on this machine
                print(f'{run.name} without its embedding: {error}', file=sys.stderr)
        snapshots.append(snapshot)
    write_page(runs, snapshots, out)
    return out


def main() -> None:
    args = parse_args()
    out = args.out or args.work_dirs[0] / 'report.html'
    with one_sentence_errors(args.debug):
        report(args.work_dirs, out, args.images, args.groups, not args.no_look)
        print(f'report {out}')


if __name__ == '__main__':
    main()
