"""Sides of a benchmark in turn, and medians with quartiles; imports nothing slow."""

import statistics
import time
from collections.abc import Callable, Iterable, Mapping

CLOCKS = {'wall': time.perf_counter, 'cpu': time.process_time}
Seconds = dict[str, list[float]]  # of each side's runs


def timed(
    work: Callable[[], object], now: Callable[[], float] = time.perf_counter
) -> Callable[[], float]:
    """Run the work, synchronize the device, and return the seconds."""
    import torch

    def run() -> float:
        start = now()
        work()
        if torch.cuda.is_available():
            torch.cuda.synchronize()
        return now() - start

    return run


def take_turns(
    sides: Mapping[str, Callable[[], float]], repeats: int, warm_up: int = 2
) -> Seconds:
    """Call each side, which returns its seconds, as often as the others.

    Every other round goes backwards, so that no side always follows the same one. The
    first ``warm_up`` rounds are not counted.
    """
    seconds: Seconds = {name: [] for name in sides}
    for number in range(repeats + warm_up):
        for name in list(sides)[:: 1 if number % 2 else -1]:
            took = sides[name]()
            if number >= warm_up:
                seconds[name].append(took)
    return seconds


def spread(values: Iterable[float]) -> str:
    """Median and quartiles as text."""
    low, middle, high = statistics.quantiles(values, n=4)
    return f'{middle:.4g} ({low:.4g} to {high:.4g})'


def ratio(seconds: Seconds, slow: str, fast: str) -> float | None:
    """Print and return the median ratio of neighboring runs; None if a side is absent.

    Both runs of a pair meet the same noise of other processes.
    """
    if slow not in seconds or fast not in seconds:
        return None
    ratios = [a / b for a, b in zip(seconds[slow], seconds[fast], strict=True)]
    print(f'{slow} / {fast}: {spread(ratios)}')
    return round(statistics.median(ratios), 4)
