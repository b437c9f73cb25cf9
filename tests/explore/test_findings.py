"""What is found in features: against slow, obvious code on random features."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cld_mm.explore.duplicates import find_duplicates
from cld_mm.explore.groups import (
    default_levels,
    describe_groups,
    hierarchical_labels,
    kmeans_labels,
)
from cld_mm.explore.image_map import choose_method, map_images
from cld_mm.explore.neighbor_graph import NeighborGraph, neighbor_graph
from cld_mm.explore.selection import k_center, outlier_scores
from cld_mm.explore.unit_features import center_and_reduce

SIZES = st.tuples(st.integers(3, 40), st.integers(1, 9), st.integers(0, 10**6))


def random_features(count: int, width: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(count, width)).astype(np.float32)


def clouds(count: int, sizes: tuple[int, ...]) -> np.ndarray:
    """Features around one axis per cloud."""
    rng = np.random.default_rng(count)
    rows = [
        np.eye(len(sizes), 8)[cloud] + 0.05 * rng.normal(size=8)
        for cloud, size in enumerate(sizes)
        for _ in range(size)
    ]
    return center_and_reduce(np.array(rows, dtype=np.float32))


@settings(max_examples=30, deadline=None)
@given(SIZES)
def test_unit_features_are_centered_cosines(sizes: tuple[int, int, int]) -> None:
    raw = random_features(*sizes) + 5
    found = center_and_reduce(raw)
    centered = raw.astype(float) - raw.astype(float).mean(axis=0)
    expected = centered / np.linalg.norm(centered, axis=1, keepdims=True)
    assert np.abs(found - expected).max() < 1e-3


def test_principal_components_keep_cosines_of_low_rank_features() -> None:
    raw = random_features(60, 5, 0) @ random_features(5, 300, 1)
    found = center_and_reduce(raw, width=16)
    whole = center_and_reduce(raw, width=300)
    assert found.shape == (60, 16)
    assert np.abs(found @ found.T - whole @ whole.T).max() < 1e-3


def test_features_that_are_not_finite_are_counted() -> None:
    raw = random_features(9, 3, 0)
    raw[2, 0], raw[5, 1] = np.nan, np.inf
    with pytest.raises(ValueError, match='2 of the first 9'):
        center_and_reduce(raw)


@settings(max_examples=30, deadline=None)
@given(SIZES, st.integers(1, 50))
def test_neighbors_are_the_most_similar_others(
    sizes: tuple[int, int, int], k: int
) -> None:
    unit = center_and_reduce(random_features(*sizes))
    graph = neighbor_graph(unit, k)
    cosine = unit @ unit.T
    np.fill_diagonal(cosine, -np.inf)
    expected = -np.sort(-cosine, axis=1)[:, : min(k, len(unit) - 1)]
    assert np.allclose(graph.similarities, expected, atol=1e-5)
    given = np.take_along_axis(cosine, graph.indices.astype(int), axis=1)
    assert np.allclose(given, expected, atol=1e-5)


@settings(max_examples=30, deadline=None)
@given(SIZES, st.floats(-0.5, 1))
def test_duplicates_are_connected_images(
    sizes: tuple[int, int, int], threshold: float
) -> None:
    unit = center_and_reduce(random_features(*sizes))
    found = find_duplicates(neighbor_graph(unit, len(unit)), threshold)
    cosine = unit @ unit.T
    expected = [{i} for i in range(len(unit))]
    for i, j in itertools.combinations(range(len(unit)), 2):
        if cosine[i, j] >= threshold and expected[i] is not expected[j]:
            expected[i] |= expected[j]
            for member in expected[j]:
                expected[member] = expected[i]
    wanted = {frozenset(part) for part in expected if len(part) > 1}
    near = np.abs(cosine - threshold).min() < 1e-5  # rounding decides
    assert near or {frozenset(part.members.tolist()) for part in found} == wanted


def test_the_most_similar_duplicates_come_first() -> None:
    graph = NeighborGraph(
        np.array([[1], [0], [3], [2]]), np.array([[0.98], [0.98], [0.99], [0.99]])
    )
    first, second = find_duplicates(graph, 0.97)
    assert first.members.tolist() == [2, 3]
    assert second.similarities.tolist() == [0.98, 0.98]


@settings(max_examples=30, deadline=None)
@given(SIZES, st.integers(1, 12))
def test_each_selected_image_is_the_farthest_one(
    sizes: tuple[int, int, int], number: int
) -> None:
    unit = center_and_reduce(random_features(*sizes))
    indices, radii = k_center(unit, number)
    distance = 1 - unit @ unit.T
    assert len(set(indices.tolist())) == min(number, len(unit))
    for step in range(1, len(indices)):
        nearest = distance[:, indices[:step]].min(axis=1)
        nearest[indices[:step]] = -1
        assert nearest[indices[step]] == pytest.approx(nearest.max(), abs=1e-5)
        assert radii[step - 1] == pytest.approx(max(nearest.max(), 0), abs=1e-5)


def test_equal_images_are_selected_once_each() -> None:
    indices, _ = k_center(np.ones((5, 2), dtype=np.float32), 5)
    assert sorted(indices.tolist()) == [0, 1, 2, 3, 4]


def test_the_lonely_image_is_the_outlier() -> None:
    unit = clouds(1, (15, 15, 1))
    scores = outlier_scores(neighbor_graph(unit, 10))
    assert scores.argmax() == 30


@pytest.mark.parametrize('method', ['kmeans', 'hierarchical'])
def test_clouds_become_groups(method: str) -> None:
    unit = clouds(2, (20, 9, 5))
    labels = (
        kmeans_labels(unit, 3)
        if method == 'kmeans'
        else hierarchical_labels(unit, [3])[3]
    )
    groups = describe_groups(unit, labels, method, 3, None)
    assert [sorted(group.members.tolist()) for group in groups] == [
        list(range(20)),
        list(range(20, 29)),
        list(range(29, 34)),
    ]
    assert [group.name for group in groups] == ['group 1', 'group 2', 'group 3']
    assert all(group.spread < 0.1 for group in groups)


@pytest.mark.parametrize('count', [40, 1500])
def test_levels_of_the_hierarchy_are_nested(count: int) -> None:
    unit = center_and_reduce(random_features(count, 4, 0))
    found = hierarchical_labels(unit, [2, 5, 12])
    for coarse, fine in ((2, 5), (5, 12)):
        parents = {(f, c) for f, c in zip(found[fine], found[coarse], strict=True)}
        assert len(parents) == fine


def test_a_group_is_named_by_its_most_frequent_class() -> None:
    unit = clouds(3, (6, 4))
    classes = ['cat'] * 4 + ['dog', ''] + [''] * 4
    first, second = describe_groups(
        unit, np.repeat([0, 1], [6, 4]), 'kmeans', 2, classes
    )
    assert (first.name, first.purity) == ('cat', 0.8)
    assert (second.name, second.purity) == ('group 2', None)


def test_members_go_from_the_most_to_the_least_central() -> None:
    unit = center_and_reduce(random_features(12, 4, 5))
    [group] = describe_groups(unit, np.zeros(12, dtype=int), 'kmeans', 1, None)
    cosine = unit[group.members] @ unit.mean(axis=0)
    assert (np.diff(cosine) <= 1e-6).all()


@pytest.mark.parametrize(
    ('count', 'levels'),
    [(3, [2]), (8, [2]), (32, [8]), (200, [8, 32]), (10**5, [8, 32, 128])],
)
def test_default_levels_leave_four_images_per_group(
    count: int, levels: list[int]
) -> None:
    assert default_levels(count) == levels


@pytest.mark.parametrize('method', ['tsne', 'pca'])
@pytest.mark.parametrize('count', [5, 40])
def test_maps_fill_a_square(method: str, count: int) -> None:
    unit = center_and_reduce(random_features(count, 6, 1))
    points = map_images(unit, neighbor_graph(unit, 10), method)
    assert points.shape == (count, 2)
    assert np.abs(points).max() == pytest.approx(1)


def test_maps_of_equal_images_are_finite() -> None:
    unit = center_and_reduce(np.ones((12, 3), dtype=np.float32))
    points = map_images(unit, neighbor_graph(unit, 5), 'pca')
    assert np.isfinite(points).all()


@pytest.mark.parametrize(
    ('installed', 'count', 'method'),
    [(True, 10**5, 'umap'), (False, 100, 'tsne'), (False, 10**5, 'pca')],
)
def test_the_map_is_umap_if_installed(
    installed: bool, count: int, method: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr('importlib.util.find_spec', lambda name: installed or None)
    assert choose_method('auto', count) == method
