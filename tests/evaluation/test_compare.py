"""Comparisons of two networks: who is better, how sure, and on which labels."""

import numpy as np
import pytest

from cld_mm.evaluation.compare import compare_features


def features(count: int, classes: int, signal: float, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    labels = np.arange(count) % classes
    return signal * np.eye(classes, 12)[labels] + rng.normal(size=(count, 12))


LABELS = [f'class {i % 4}' for i in range(400)]


def test_informative_features_are_better_at_every_fraction() -> None:
    rows = compare_features(features(400, 4, 4, 0), features(400, 4, 0, 1), LABELS)
    assert [row.fraction for row in rows] == [0.01, 0.05, 0.1, 1.0]
    assert all(row.low > 0 for row in rows)
    assert all(row.low < row.difference < row.high for row in rows)


def test_swapped_networks_swap_the_sign() -> None:
    one, two = features(400, 4, 2, 0), features(400, 4, 1, 1)
    for a, b in zip(
        compare_features(one, two, LABELS),
        compare_features(two, one, LABELS),
        strict=True,
    ):
        assert (a.first, a.second) == (b.second, b.first)
        assert a.difference == pytest.approx(-b.difference)
        assert (a.low, a.high) == pytest.approx((-b.high, -b.low))


def test_equal_features_do_not_differ() -> None:
    one = features(400, 4, 1, 0)
    for row in compare_features(one, one.copy(), LABELS):
        assert row.low == row.difference == row.high == 0


def test_intervals_cover_the_difference_of_equally_good_networks() -> None:
    covered = []
    for seed in range(40):
        one, two = features(160, 4, 1.5, 2 * seed), features(160, 4, 1.5, 2 * seed + 1)
        rows = compare_features(one, two, LABELS[:160], [0.2, 1.0], draws=4, seed=seed)
        covered += [row.low <= 0 <= row.high for row in rows]
    assert np.mean(covered) >= 0.85


def test_each_class_has_a_label_in_each_draw() -> None:
    rows = compare_features(features(400, 4, 1, 0), features(400, 4, 1, 1), LABELS)
    assert [row.num_labels for row in rows] == [4, 16, 32, 320]
    assert [row.draws for row in rows] == [5, 5, 5, 1]


@pytest.mark.parametrize(
    ('change', 'said'),
    [
        ({'labels': LABELS[:9]}, '9 labels'),
        ({'labels': ['a'] * 400}, '1 classes'),
        ({'labels': ['a'] * 399 + ['b']}, r'smallest \(b\) with 1 images'),
        ({'fractions': [0]}, r'fractions are \[0\]'),
        ({'draws': 1}, 'draws 1'),
        ({'test_fraction': 1}, 'test_fraction'),
        ({'first': np.full((400, 2), np.nan)}, 'NaN'),
    ],
)
def test_impossible_comparisons_are_refused(change: dict, said: str) -> None:
    one = features(400, 4, 1, 0)
    given = {'first': one, 'second': one, 'labels': LABELS, **change}
    with pytest.raises(ValueError, match=said):
        compare_features(**given)
