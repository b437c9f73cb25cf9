"""What a MoCo v2 + CLD step costs beside its backbone and neck passes alone.

``python tools/benchmarks/step.py``: all sides take turns, each in its own process;
medians of the ratios of neighboring runs, with quartiles; the last line is JSON.

Sides:

- floor: two passes of backbone and neck with backward, one without, nothing else;
- cld: the whole MoCo v2 + CLD step, loss parts, queue, average and optimizer;
- matched: the same with λ 0 (two queries, no group branch);
- moco: this project's MoCo v2 with the usual two views;
- moco_bf16, moco_compiled: the same under ``--amp`` in bfloat16, and ``--compile``;
- mmpretrain: mmpretrain's MoCo v2 with the same two views and backbone;
- lightly: lightly's, where it is installed (``pip install 'cld_mm[benchmarks]'``);
- mmpretrain_kept, lightly_kept: theirs with this project's setting of the allocator.

``--clock cpu --threads 1`` counts the processes' own seconds, which other processes of
a busy machine do not lengthen.
"""

import argparse
import json
import sys
from functools import partial
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from cld_mm.cli.arguments import at_least
from tools.benchmarks.timing import CLOCKS, ratio, spread, take_turns

SIDES = (
    'floor', 'cld', 'matched', 'moco', 'moco_bf16', 'moco_compiled', 'mmpretrain',
    'mmpretrain_kept', 'lightly', 'lightly_kept',
)  # fmt: skip


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description='Time a training step.')
    parser.add_argument('--backbone', choices=['r18', 'r50', 'vit_s'], default='r18')
    parser.add_argument('--pixels', type=at_least(1), default=32)
    parser.add_argument('--batch', type=at_least(2), default=128)
    parser.add_argument('--queue', type=at_least(1), default=65536)
    parser.add_argument('--groups', type=at_least(1), default=64)
    parser.add_argument(
        '--dtype',
        choices=['float32', 'bfloat16', 'float16'],
        default='float32',
        help='of all sides but moco_bf16: numbers are compared at equal types',
    )
    parser.add_argument('--sides', nargs='+', choices=SIDES, default=list(SIDES))
    parser.add_argument('--repeats', type=at_least(2), default=7)
    parser.add_argument('--threads', type=at_least(1), help="default: torch's")
    parser.add_argument('--clock', choices=list(CLOCKS), default='wall')
    return parser.parse_args()


if __name__ == '__main__':
    parse_args()  # --help and wrong flags, before imports that take seconds

import torch
from torch import multiprocessing as mp

from tools.benchmarks.step_sides import serve

RATIOS = {
    'over_backbone_floor': ('cld', 'floor'),
    'cld_over_matched_baseline': ('cld', 'matched'),
    'speedup_over_mmpretrain': ('mmpretrain', 'moco'),
    'speedup_over_lightly': ('lightly', 'moco'),
    'speedup_over_mmpretrain_kept': ('mmpretrain_kept', 'moco'),
    'speedup_over_lightly_kept': ('lightly_kept', 'moco'),
    'speedup_over_mmpretrain_bf16': ('mmpretrain', 'moco_bf16'),
    'speedup_over_mmpretrain_compiled': ('mmpretrain', 'moco_compiled'),
    'speedup_by_compiling': ('moco', 'moco_compiled'),
}


def measure(sides: list[str], args: dict, repeats: int) -> dict[str, list[float]]:
    """Seconds of each side's steps, in turn; the first two of each do not count."""
    context = mp.get_context('spawn')
    pipes, processes = {}, []
    for name in sides:
        pipes[name], theirs = context.Pipe()
        process = context.Process(target=serve, args=(theirs, name, args), daemon=True)
        process.start()
        theirs.close()
        processes.append(process)
        said = pipes[name].recv()
        if said != 'ready':
            print(said)
            del pipes[name]

    def seconds_of(pipe: Any) -> float:
        pipe.send(True)
        return pipe.recv()

    turns = {name: partial(seconds_of, pipe) for name, pipe in pipes.items()}
    seconds = take_turns(turns, repeats)
    for name in pipes:
        pipes[name].send(False)
    for process in processes:
        process.join()
    return seconds


def main() -> None:
    args = parse_args()
    args.threads = args.threads or torch.get_num_threads()
    seconds = measure(args.sides, vars(args), args.repeats)

    print(
        f'{args.threads} threads, {args.clock} clock, {args.backbone}, batch '
        f'{args.batch}, {args.pixels} pixels, {args.dtype}'
    )
    for name, times in seconds.items():
        print(f'{name:14s}{spread(times)} s')
    print(json.dumps({key: ratio(seconds, *sides) for key, sides in RATIOS.items()}))


if __name__ == '__main__':
    main()
