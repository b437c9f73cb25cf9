"""Summary of logged values: ``analyze_logs.py WORK_DIR ...``.

First, last, smallest, largest and median of each.
"""

import argparse
import math
import statistics
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from cld_mm.cli.command_line import command_line

COLUMNS = ('first', 'last', 'smallest', 'largest', 'median')


def summary(values: list[float]) -> dict[str, float | None]:
    """Summary of one logged value; non-finite values are skipped and counted."""
    finite = [value for value in values if math.isfinite(value)]
    numbers: dict[str, float | None] = dict.fromkeys(COLUMNS)
    if finite:
        numbers = {
            'first': finite[0],
            'last': finite[-1],
            'smallest': min(finite),
            'largest': max(finite),
            'median': statistics.median(finite),
        }
    return {
        **{name: None if v is None else float(v) for name, v in numbers.items()},
        'values': len(values),
        'not_finite': len(values) - len(finite),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description='Summarize the logs of some runs.')
    parser.add_argument('runs', nargs='+', type=Path, help='work dirs or scalars.json')
    parser.add_argument('--keys', nargs='+', help='names to show; default: all')
    parser.add_argument('--out', help='JSON file; default: RUN/analyze_logs.json')
    parser.add_argument('--debug', action='store_true', help='show tracebacks')
    args = parser.parse_args()
    with command_line(args.debug):
        from cld_mm.cli.results_json import write_results
        from cld_mm.fileio.training_logs import read_run

        results = {}
        for run in args.runs:
            curves = read_run(run)
            missing = [key for key in args.keys or [] if key not in curves]
            if missing:
                raise ValueError(
                    f'{run} did not log {", ".join(missing)}: it has '
                    f'{", ".join(sorted(curves))}.'
                )
            results[str(run)] = {
                key: summary(curves[key][1]) for key in args.keys or sorted(curves)
            }
        for run, rows in results.items():
            print(f'{run}\n{"":24s}' + ''.join(f'{name:>12s}' for name in COLUMNS))
            for key, values in rows.items():
                cells = (values[name] for name in COLUMNS)
                text = ''.join(
                    f'{"-" if v is None else f"{v:.5g}":>12s}' for v in cells
                )
                note = f'  {values["not_finite"]} not finite' * bool(
                    values['not_finite']
                )
                print(f'{key:24s}{text}{note}')
        first = args.runs[0]
        folder = first if first.is_dir() else first.parent
        write_results(results, args.out, folder, 'analyze_logs')


if __name__ == '__main__':
    main()
