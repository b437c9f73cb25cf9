"""Slopes of noisy series, as robust as a median: is something growing?"""

from collections.abc import Iterable, Sequence

Series = Sequence[tuple[float, float]]


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
