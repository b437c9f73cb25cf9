"""Slopes of noisy series, as robust as a median: is something growing?"""

import statistics
from collections.abc import Iterable, Sequence
from typing import NamedTuple

Series = Sequence[tuple[float, float]]
AGE = 10  # seconds at which processes are compared over restarts
RESTARTS = 8  # fewer processes of that age say nothing of a slope


def slope_per_hour(series: Iterable[Series]) -> float | None:
    """Median slope of pairs of points, each pair within one series.

    Theil and Sen's estimate, every pair weighed by its distance in time, over series
    with levels of their own; pairs half a series apart where it is long.

    Args:
        series: of (seconds, value), ordered by time.

    Returns:
        Values per hour; None where no series has two points.
    """
    slopes = []
    for points in series:
        number = len(points)
        if number < 40:
            pairs = [(i, j) for i in range(number) for j in range(i + 1, number)]
        else:
            pairs = [(i, i + number // 2) for i in range(number - number // 2)]
        for i, j in pairs:
            (begin, low), (end, high) = points[i], points[j]
            if end > begin:
                slopes.append(((high - low) / (end - begin), end - begin))
    half = sum(weight for _, weight in slopes) / 2
    for slope, weight in sorted(slopes):
        half -= weight
        if half <= 0:
            return 3600 * slope
    return None


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
        found[f'{role}s_within'] = _rounded(slope_per_hour(grown))
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
        enough = len(same_age) >= RESTARTS
        found[f'{role}s_over_restarts'] = (
            _rounded(slope_per_hour([same_age])) if enough else None
        )
    return found


def _warm_up(points: Series, least: float) -> float:
    """Seconds of a process's life until it has what it needs: half, at most 600."""
    return max(least, min(600, (points[-1][0] - points[0][0]) / 2))


def _rounded(slope: float | None) -> float | None:
    """To two digits behind the point."""
    return None if slope is None else round(slope, 2)


def largest(found: dict[str, float | None]) -> float | None:
    """The largest of some slopes."""
    return max((slope for slope in found.values() if slope is not None), default=None)
