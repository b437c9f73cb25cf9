"""What must be bitwise identical in two runs: losses, weights and states."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from cld_mm.engine.checkpoint import newest_good
from cld_mm.engine.checkpoint.bank_rows import bank_folder, num_rows, read_rows


def losses(folder: Path, rank: int = 0) -> dict[int, list[dict[str, str]]]:
    """Every step's losses, as often as it was done, in hexadecimal, so bit-exact."""
    found: dict[int, list] = {}
    path = folder / f'losses_{rank}.jsonl'
    for line in path.read_text().splitlines() if path.exists() else []:
        try:
            step, values = json.loads(line)
        except json.JSONDecodeError:
            continue  # killed while it was written
        found.setdefault(step, []).append(values)
    return found


def differences(whole: Path, parts: Path, ranks: int = 1) -> list[str]:
    """In what a broken and resumed run differs from the unbroken one; empty if none."""
    found = []
    for rank in range(ranks):
        expected, got = losses(whole, rank), losses(parts, rank)
        if expected.keys() != got.keys():
            missing = sorted(expected.keys() ^ got.keys())
            found.append(f'rank {rank}: iterations {missing} are in one run only')
        found += [
            f'rank {rank}: losses of iteration {step}: {expected[step][0]} != {values}'
            for step in sorted(expected.keys() & got.keys())
            for values in got[step]
            if values != expected[step][0]
        ]
    ends = [newest_good(folder) for folder in (whole, parts)]
    if None in ends:
        return [*found, 'a run left no checkpoint']
    one, two = (torch.load(end, weights_only=True) for end in ends if end)
    states = ('state_dict', 'ema_state_dict', 'optimizer', 'param_schedulers', 'ranks')
    for key in states:  # averages and schedules only where a run has them
        unequal(one.get(key), two.get(key), key, found)
    first, second = (bank_folder(end) for end in ends if end)
    size = num_rows(first)
    unequal(size, num_rows(second), 'rows of the sharded bank', found)
    if size and size == num_rows(second):
        rows = read_rows(first, 0, size)
        unequal(rows, read_rows(second, 0, size), 'the sharded bank', found)
    best, other = (
        end['message_hub']['runtime_info'].get('best_score') for end in (one, two)
    )
    unequal(best, other, 'best_score', found)
    return found


def unequal(one: Any, two: Any, name: str, found: list[str]) -> None:
    """Note where two nested structures differ; NaN equals NaN."""
    if isinstance(one, torch.Tensor) and isinstance(two, torch.Tensor):
        same = one.shape == two.shape and one.dtype == two.dtype
        if not (same and torch.equal(one.nan_to_num(7.5), two.nan_to_num(7.5))):
            found.append(name)
    elif isinstance(one, dict) and isinstance(two, dict):
        if one.keys() != two.keys():
            found.append(f'{name}: keys {sorted(map(str, one.keys() ^ two.keys()))}')
        for key in one.keys() & two.keys():
            unequal(one[key], two[key], f'{name}.{key}', found)
    elif isinstance(one, Sequence) and not isinstance(one, str):
        if len(one) != len(two):
            found.append(f'{name}: {len(one)} and {len(two)} entries')
        for place, pair in enumerate(zip(one, two, strict=False)):
            unequal(*pair, f'{name}.{place}', found)
    elif one != two and not (one != one and two != two):
        found.append(f'{name}: {one} != {two}')
