"""Slopes of sampled memory: robust, per process age."""

from typing import Any

import pytest

from tools.stress.slopes import Sample, slope_per_hour, slopes  # isort: skip


def samples(process: Any, values: Any, role: str = 'rank', begin: float = 0.0) -> list:
    return [
        Sample(0, role, process, begin + second, value, 9)
        for second, value in enumerate(values)
    ]


def test_a_slope_is_that_of_most_pairs() -> None:
    points = [(second, 5 + second / 36) for second in range(60)]
    points[30] = (30, 1e6)
    assert slope_per_hour([points]) == pytest.approx(100)
    assert slope_per_hour([points[:1], []]) is None


def test_what_a_process_takes_until_it_is_warm_is_no_slope() -> None:
    warming = [min(second, 300) for second in range(900)]
    found = slopes(samples('1', warming), 'memory', 120)
    assert found['ranks_within'] == 0
    leaking = [second / 36 for second in range(900)]
    found = slopes(samples('1', leaking, 'unbroken_rank'), 'memory', 120)
    assert found['unbroken_ranks_within'] == pytest.approx(100)
    assert found['ranks_within'] is None


def test_growth_over_restarts_is_a_slope_of_processes_of_one_age() -> None:
    lives = [samples(str(i), [i] * 20, begin=36 * i) for i in range(9)]
    samples_of_all = [sample for life in lives for sample in life]
    found = slopes(samples_of_all, 'memory', 120)
    assert found['ranks_over_restarts'] == pytest.approx(100)
    assert found['ranks_within'] is None
    assert slopes(lives[0], 'memory', 120)['ranks_over_restarts'] is None
    found = slopes(samples_of_all, 'files', 120)
    assert found['ranks_over_restarts'] == 0
