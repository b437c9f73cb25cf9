"""Grouping against slow, obvious versions."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional as F

from cld_mm.models.grouping import (
    KMeansGrouping,
    NormalizedCutsGrouping,
    base,
    kmeans,
    normalized_cuts,
)

pytestmark = pytest.mark.filterwarnings('ignore:num_groups is')


def slow_kmeans(x, num_groups, num_iters):
    """The rounds as method and paper put them, row by row."""
    centroids = list(x[:num_groups].detach().double())
    for _ in range(num_iters):
        labels = []
        for row in x.detach().double():
            distances = [float(((row - c) ** 2).sum()) for c in centroids]
            labels.append(distances.index(min(distances)))
        labels = torch.tensor(labels)
        means = []
        for group in range(num_groups):
            rows = x[labels == group]
            means.append(rows.mean(0) if len(rows) else torch.zeros(x.shape[1]))
        centroids = [mean.detach().double() for mean in means]
    return labels, torch.stack(means)


@settings(max_examples=60, deadline=None)
@given(
    n=st.integers(1, 40),
    k=st.integers(1, 50),
    c=st.integers(1, 9),
    iters=st.integers(1, 5),
    seed=st.integers(0, 1000),
    copies=st.booleans(),
)
def test_kmeans_is_the_slow_one(n, k, c, iters, seed, copies):
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(n, c + 3, generator=generator)
    if copies:
        x = x[torch.randint(0, n, (n,), generator=generator)]
    x = F.normalize(x, dim=1).requires_grad_()
    groups = kmeans(x, k, iters)
    labels, centroids = slow_kmeans(x, k, iters)
    assert torch.equal(groups.labels, labels)
    torch.testing.assert_close(groups.centroids, centroids)
    assert torch.equal(groups.counts, torch.bincount(labels, minlength=k))
    weights = torch.randn(centroids.shape, generator=generator)
    (fast,) = torch.autograd.grad((groups.centroids * weights).sum(), x)
    (slow,) = torch.autograd.grad((centroids * weights).sum(), x)
    torch.testing.assert_close(fast, slow)


def test_duplicates_go_to_the_first_and_leave_a_zero_centroid():
    row = F.normalize(torch.randn(1, 37), dim=1)
    other = F.normalize(torch.randn(1, 37), dim=1)
    groups = kmeans(torch.cat([row, other, row, row]), 4, 5)
    assert groups.labels.tolist() == [0, 1, 0, 0]
    assert groups.counts.tolist() == [3, 1, 0, 0]
    assert not groups.centroids[2:].any()


@pytest.mark.parametrize('offset', [0.0, 1000.0])
def test_close_rows_keep_their_groups(offset):
    """Collapsed or far from zero: the product form must not lose the digits."""
    x = torch.randn(60, 16).double() * 1e-2 + offset
    x = x.float()
    expected = ((x[:, None] - x[None, :7]) ** 2).sum(-1).argmin(1)
    assert torch.equal(kmeans(x, 7, 1).labels, expected)


@pytest.mark.parametrize('dtype', [torch.float16, torch.bfloat16])
def test_autocast_stays_out(dtype):
    x = F.normalize(torch.randn(30, 8), dim=1).to(dtype)
    with torch.autocast('cpu', dtype=torch.bfloat16):
        inside = kmeans(x, 4)
    assert inside.centroids.dtype == torch.float32
    outside = kmeans(x.float(), 4)
    assert torch.equal(inside.labels, outside.labels)
    assert torch.equal(inside.centroids, outside.centroids)


@given(seed=st.integers(0, 100))
@settings(max_examples=20, deadline=None)
def test_permuting_the_rows_after_the_first_k_changes_nothing(seed):
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(25, 6, generator=generator)
    order = torch.cat([torch.arange(5), 5 + torch.randperm(20, generator=generator)])
    one, two = kmeans(x, 5), kmeans(x[order], 5)
    assert torch.equal(one.labels[order], two.labels)
    torch.testing.assert_close(one.centroids, two.centroids)


def test_normalized_cuts_finds_orthogonal_bundles():
    torch.manual_seed(0)
    truth = torch.arange(30) % 3
    x = F.one_hot(truth, 8).float() + 0.05 * torch.rand(30, 8)
    x.requires_grad_()
    groups = normalized_cuts(x, 3)
    same = groups.labels[:, None] == groups.labels[None]
    assert torch.equal(same, truth[:, None] == truth[None])
    for group in range(3):
        torch.testing.assert_close(
            groups.centroids[group], x[groups.labels == group].mean(0)
        )
    assert torch.autograd.grad(groups.centroids.sum(), x)[0].abs().sum() > 0


def test_spectral_coordinates_are_the_laplacians():
    x = torch.randn(12, 5)
    unit = F.normalize(x, dim=1).double().numpy()
    a = np.abs(unit @ unit.T)
    np.fill_diagonal(a, 0)
    d = a.sum(1)
    laplacian = np.diag(d**-0.5) @ (np.diag(d) - a) @ np.diag(d**-0.5)
    vectors = np.linalg.eigh(laplacian)[1][:, :4] * d[:, None] ** -0.5
    vectors /= vectors[0, 0]
    from cld_mm.models.grouping.normalized_cuts import spectral_coordinates

    ours = spectral_coordinates(x, 4).double().numpy()
    np.testing.assert_allclose(np.abs(ours), np.abs(vectors), atol=2e-4)


@pytest.mark.parametrize('x', [torch.ones(1, 4), torch.eye(5), torch.zeros(6, 3)])
def test_normalized_cuts_of_degenerate_rows_is_finite(x):
    groups = normalized_cuts(x, 3)
    assert groups.centroids.isfinite().all()
    assert int(groups.counts.sum()) == len(x)


def test_more_groups_than_images_warns_once_with_both_numbers():
    base._warned_sizes.clear()
    with pytest.warns(UserWarning, match='num_groups is 9 but only 4 images') as seen:
        groups, _ = (kmeans(torch.randn(4, 3), 9) for _ in range(2))
    assert len(seen) == 1
    assert groups.labels.tolist() == [0, 1, 2, 3]
    assert not groups.centroids[4:].any()


@pytest.mark.parametrize('kind', [KMeansGrouping, NormalizedCutsGrouping])
def test_settings_below_one_are_named(kind):
    with pytest.raises(ValueError, match='num_groups is 0'):
        kind(num_groups=0)
    with pytest.raises(ValueError, match='num_iters is 0'):
        kind(num_groups=2, num_iters=0)
