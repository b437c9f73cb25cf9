"""Repeat a training step that was not finite: ``replay_step.py DUMP``.

DUMP is WORK_DIR/non_finite/iter_N, or one rank's file in it, which a run with
``train.py --capture-steps`` writes. Prints for each rank whether the loss parts are
bitwise identical, and which weight, view, layer, loss part or gradient first became
NaN or infinite. The last line is JSON; ``--out`` writes it to a file.
"""

import argparse
import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from cld_mm.cli.command_line import command_line


def print_result(result: dict, together: bool) -> None:
    """Print one rank's result."""
    verdict = 'reproduces' if result['reproduces'] else 'does NOT reproduce'
    print(f'rank {result["rank"]}, iteration {result["iteration"]}: {verdict}')
    for name, value in result['parts'].items():
        dumped = result['dumped_parts'][name]
        print(f'  {name:20s} {value:<14.8g} in the dump {dumped:.8g}')
    first = result['first_non_finite']
    if first is None:
        print('  everything is finite on this rank; check the others.')
    else:
        print(f'  first not finite: {first["kind"]} {first["where"]}')
    if not together and not result['reproduces']:
        print('  (one of several ranks repeated alone, without what ranks exchange)')


def main() -> None:
    parser = argparse.ArgumentParser(description='Repeat a dumped training step.')
    parser.add_argument('dump', help='WORK_DIR/non_finite/iter_N or a file in it')
    parser.add_argument('--device', choices=['cpu', 'cuda'], default='cpu')
    parser.add_argument('--out', help='JSON file for the result')
    parser.add_argument('--debug', action='store_true', help='show tracebacks')
    args = parser.parse_args()
    with command_line(args.debug):
        from cld_mm.engine.step_replay.replay import replay
        from cld_mm.fileio.json_values import replace_non_finite

        found = replay(args.dump, args.device)
        for result in found['ranks']:
            print_result(result, found['together'])
        text = json.dumps(replace_non_finite(found, as_text=True), allow_nan=False)
        if args.out:
            Path(args.out).write_text(text + '\n')
        print(text)


if __name__ == '__main__':
    main()
