"""How two checkpoints differ: ``compare_checkpoints.py ONE TWO``.

Prints keys that only one has, shapes that differ, and the largest and relative
differences of values. Exits with status 1 if they differ.
"""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from cld_mm.cli.command_line import command_line

if TYPE_CHECKING:
    from torch import Tensor


def weights(path: Path) -> 'dict[str, Tensor]':
    """The tensors of a checkpoint's model; nothing in the file is executed.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is no checkpoint, or holds no tensors.
    """
    import torch

    from cld_mm.fileio.checkpoint_loading import load_safely

    loaded = load_safely(path)
    loaded = loaded.get('state_dict', loaded)
    found = {name: v for name, v in loaded.items() if isinstance(v, torch.Tensor)}
    if not found:
        raise ValueError(f'{path} holds no tensors: name a checkpoint.')
    return found


def compare(
    one: 'dict[str, Tensor]', two: 'dict[str, Tensor]'
) -> dict[str, dict[str, Any]]:
    """The differences by key; equal keys are omitted."""
    found: dict[str, dict[str, Any]] = {}
    for key in sorted(set(one) | set(two)):
        if key not in one or key not in two:
            found[key] = {'only in': 'two' if key not in one else 'one'}
            continue
        a, b = one[key], two[key]
        if a.shape != b.shape:
            found[key] = {'shapes': [list(a.shape), list(b.shape)]}
        elif not a.equal(b):
            difference = (a.double() - b.double()).abs()
            found[key] = {
                'largest': float(difference.max()),
                'relative': float(difference.norm() / a.double().norm().clamp(1e-300)),
            }
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description='Compare two checkpoints.')
    parser.add_argument('one', type=Path)
    parser.add_argument('two', type=Path)
    parser.add_argument(
        '--out', help='JSON file; default: compare_<ONE>_<TWO>.json beside ONE'
    )
    parser.add_argument('--debug', action='store_true', help='show tracebacks')
    args = parser.parse_args()
    with command_line(args.debug):
        from cld_mm.cli.results_json import write_results

        one, two = weights(args.one), weights(args.two)
        found = compare(one, two)
        for key, what in found.items():
            text = ', '.join(
                f'{k} {v:.3g}' if isinstance(v, float) else f'{k} {v}'
                for k, v in what.items()
            )
            print(f'{key}: {text}')
        equal = len(set(one) | set(two)) - len(found)
        print(f'{equal} keys are bitwise identical, {len(found)} differ')
        results = {'equal': equal, 'differ': found}
        folder = args.one.parent
        write_results(results, args.out, folder, 'compare', args.one, args.two)
    sys.exit(bool(found))


if __name__ == '__main__':
    main()
