"""Slopes of noisy series, as robust as a median: is something growing?"""

import statistics
from collections.abc import Iterable, Sequence
from typing import NamedTuple

Series = Sequence[tuple[float, float]]
AGE = 10  # seconds at which processes are compared over restarts
RESTARTS = 8  # fewer processes of that age say nothing of a slope


def slope_per_hour(series: Iterable[Series]) -> float | None:
    """Median over the series of Theil and Sen's slope, to two decimals.

    Args:
        series: of (seconds, value), ordered by time; about 200 points of each count.

    Returns:
        Values per hour; None where no series has two points.
    """
    from scipy.stats import theilslopes

    found = []
    for points in series:
        some = points[:: 1 + len(points) // 200]
        if len(some) > 1:
            seconds, values = zip(*some, strict=True)
            found.append(3600 * theilslopes(values, seconds)[0])
    return round(float(statistics.median(found)), 2) if found else None


class Sample(NamedTuple):
    """One process at one time: seconds, MB and open files."""

    leg: int
    role: str
    process: str
    time: float
    memory: float
    files: float


def slopes(
    samples: list[Sample], field: str, minutes: float
) -> dict[str, float | None]:
    """Of each kind of process, per hour: within processes, and over restarts.

    None where too few processes lived long enough.

    Args:
        samples: of all processes.
        field: 'memory' (MB) or 'files'.
        minutes: of the whole; in few of them a process's first minute counts too.
    """
    least = min(60, max(10, 6 * minutes))
    found = {}
    for role in ('rank', 'worker', 'unbroken_rank', 'unbroken_worker'):
        series: dict[str, list[tuple[float, float]]] = {}
        for sample in samples:
            if sample.role == role:
                point = (sample.time, getattr(sample, field))
                series.setdefault(sample.process, []).append(point)
        grown = [
            [p for p in points if p[0] >= points[0][0] + _warm_up(points, least)]
            for points in series.values()
        ]
        found[f'{role}s_within'] = slope_per_hour(grown)
        young = [
            [p for p in points if AGE <= p[0] - points[0][0] < AGE + 3]
            for points in series.values()
        ]
        # The median: a checkpoint that is being written is an open file for a moment.
        same_age = [
            (points[0][0], statistics.median(value for _, value in points))
            for points in young
            if points
        ]
        found[f'{role}s_over_restarts'] = (
            slope_per_hour([same_age]) if len(same_age) >= RESTARTS else None
        )
    return found


def _warm_up(points: Series, least: float) -> float:
    """Seconds of a process's life until it has what it needs: half, at most 600."""
    return max(least, min(600, (points[-1][0] - points[0][0]) / 2))


def largest(found: dict[str, float | None]) -> float | None:
    """The largest of some slopes."""
    return max((slope for slope in found.values() if slope is not None), default=None)
