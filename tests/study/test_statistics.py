"""Statistics against slow, obvious ones."""

import itertools
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cld_mm.study.statistics import mean_std, paired_difference


def test_the_interval_is_that_of_all_resamples() -> None:
    """With three pairs there are 27 equally likely resamples: enumerate them."""
    ours, theirs = {0: 3.0, 1: 5.0, 2: 4.0}, {0: 1.0, 1: 1.5, 2: 4.5}
    differences = [2.0, 3.5, -0.5]
    means = [np.mean(draw) for draw in itertools.product(differences, repeat=3)]
    found = paired_difference(ours, theirs, resamples=200_000)
    assert found.mean == pytest.approx(5 / 3)
    low, high = np.percentile(np.repeat(means, 1000), [2.5, 97.5])
    assert found.low == pytest.approx(low, abs=0.05)
    assert found.high == pytest.approx(high, abs=0.05)


def test_only_shared_seeds_count() -> None:
    found = paired_difference({0: 1.0, 1: 9.0}, {0: 0.5, 2: 100.0})
    assert found == (0.5, None, None, 1)
    assert paired_difference({0: 1.0}, {1: 1.0}) is None


@given(st.lists(st.floats(-100, 100), min_size=3, max_size=6), st.floats(-50, 50))
def test_a_shift_moves_the_interval(values: Any, shift: Any) -> None:
    ours = dict(enumerate(values))
    none = dict.fromkeys(ours, 0.0)
    plain = paired_difference(ours, none, resamples=200)
    moved = paired_difference(
        {seed: value + shift for seed, value in ours.items()}, none, resamples=200
    )
    for one, two in zip(plain[:3], moved[:3], strict=True):
        assert two == pytest.approx(one + shift, abs=1e-6)
    assert plain.low <= plain.high


def test_standard_deviation_is_the_samples() -> None:
    assert mean_std([1.0, 3.0]) == pytest.approx((2.0, 2**0.5))
    assert mean_std([4.0]) == (4.0, 0.0)
