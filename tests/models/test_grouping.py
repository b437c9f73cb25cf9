"""Grouping against slow, obvious versions."""

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional as F
from torch.utils._python_dispatch import TorchDispatchMode

from cld_mm.models.grouping import (
    KMeansGrouping,
    NormalizedCutsGrouping,
    base,
    kmeans,
    normalized_cuts,
)
from cld_mm.models.grouping.eigenvectors import first_eigenvectors
from cld_mm.models.grouping.normalized_cuts import spectral_coordinates

pytestmark = pytest.mark.filterwarnings('ignore:num_groups is')


def slow_kmeans(x: Any, num_groups: Any, num_iters: Any) -> tuple:
    """The rounds as method and paper put them, row by row."""
    centroids = list(x[:num_groups].detach().double())
    for _ in range(num_iters):
        labels: Any = []
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


@settings(max_examples=90, deadline=None)
@given(
    n=st.integers(1, 40),
    k=st.integers(1, 50),
    c=st.integers(1, 9),
    iters=st.integers(1, 5),
    seed=st.integers(0, 1000),
    copies=st.booleans(),
)
def test_kmeans_is_the_slow_one(
    n: int, k: int, c: int, iters: int, seed: int, copies: bool
) -> None:
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


def test_duplicates_go_to_the_first_and_leave_a_zero_centroid() -> None:
    row = F.normalize(torch.randn(1, 37), dim=1)
    other = F.normalize(torch.randn(1, 37), dim=1)
    groups = kmeans(torch.cat([row, other, row, row]), 4, 5)
    assert groups.labels.tolist() == [0, 1, 0, 0]
    assert groups.counts.tolist() == [3, 1, 0, 0]
    assert not groups.centroids[2:].any()


def test_equal_rows_are_found_by_their_values_not_their_lengths() -> None:
    rows = torch.tensor(
        [[3.0, 4, 0], [4, 3, 0], [-3, -4, 0], [4, 3, -0.0], [-4, -3, 0]]
    )
    assert kmeans(rows, 5, 1).labels.tolist() == [0, 1, 2, 1, 4]


@pytest.mark.parametrize('offset', [0.0, 1000.0])
def test_close_rows_keep_their_groups(offset: float) -> None:
    """Collapsed or far from zero: the product form must not lose the digits."""
    x = torch.randn(60, 16).double() * 1e-2 + offset
    x = x.float()
    expected = ((x[:, None] - x[None, :7]) ** 2).sum(-1).argmin(1)
    assert torch.equal(kmeans(x, 7, 1).labels, expected)


class Sizes(TorchDispatchMode):
    """Notes how many numbers the largest result has, and how many are alive."""

    def __init__(self) -> None:
        super().__init__()
        self.largest = 0

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple = (), kwargs: Any = None
    ) -> Any:
        out = func(*args, **(kwargs or {}))
        for one in out if isinstance(out, (tuple, list)) else [out]:
            if isinstance(one, torch.Tensor):
                self.largest = max(self.largest, one.numel())
        return out


@pytest.mark.parametrize(('n', 'k', 'c'), [(64, 50, 128), (700, 300, 64)])
def test_no_array_is_larger_than_the_rows_times_groups(n: int, k: int, c: int) -> None:
    # Rows near a plane, which still change their groups in the last round.
    x = F.normalize(torch.randn(n, 2) @ torch.randn(2, c), dim=1)
    with Sizes() as sizes:
        kmeans(x, k, 20)
    assert sizes.largest <= max(n * k, n * c)


@pytest.mark.parametrize('dtype', [torch.float16, torch.bfloat16])
def test_autocast_stays_out(dtype: torch.dtype) -> None:
    x = F.normalize(torch.randn(30, 8), dim=1).to(dtype)
    with torch.autocast('cpu', dtype=torch.bfloat16):
        inside = kmeans(x, 4)
    assert inside.centroids.dtype == torch.float32
    outside = kmeans(x.float(), 4)
    assert torch.equal(inside.labels, outside.labels)
    assert torch.equal(inside.centroids, outside.centroids)


@given(seed=st.integers(0, 100))
@settings(max_examples=20, deadline=None)
def test_permuting_the_rows_after_the_first_k_changes_nothing(seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(25, 6, generator=generator)
    order = torch.cat([torch.arange(5), 5 + torch.randperm(20, generator=generator)])
    one, two = kmeans(x, 5), kmeans(x[order], 5)
    assert torch.equal(one.labels[order], two.labels)
    torch.testing.assert_close(one.centroids, two.centroids)


def test_normalized_cuts_finds_orthogonal_bundles() -> None:
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


def test_spectral_coordinates_are_the_laplacians() -> None:
    x = torch.randn(12, 5)
    unit = F.normalize(x, dim=1).double().numpy()
    a = np.abs(unit @ unit.T)
    np.fill_diagonal(a, 0)
    d = a.sum(1)
    laplacian = np.diag(d**-0.5) @ (np.diag(d) - a) @ np.diag(d**-0.5)
    vectors = np.linalg.eigh(laplacian)[1][:, :4] * d[:, None] ** -0.5
    vectors /= vectors[0, 0]
    ours = spectral_coordinates(x, 4).double().numpy()
    np.testing.assert_allclose(np.abs(ours), np.abs(vectors), atol=2e-4)


def laplacian_like(values: Any) -> Any:
    """A symmetric matrix with these eigenvalues."""
    n = len(values)
    basis = torch.linalg.qr(torch.randn(n, n).double())[0]
    return ((basis * values) @ basis.t()).float()


def same_subspace(one: Any, two: Any) -> bool:
    outside = one.double() - two.double() @ (two.double().t() @ one.double())
    return float(outside.norm()) < 1e-3


@pytest.mark.parametrize('solver', ['direct', 'lanczos'])
@pytest.mark.parametrize('size', [30, 520])
def test_a_part_of_the_eigenvectors_is_the_full_solvers(solver: str, size: int) -> None:
    torch.manual_seed(0)
    spread = torch.linspace(1, 2, size).double()
    spread[:6] = torch.tensor([0.0, 0.1, 0.2, 0.3, 0.4, 0.5])
    matrix = laplacian_like(spread)
    found = first_eigenvectors(matrix, 5, solver)
    torch.testing.assert_close(found.t() @ found, torch.eye(5), atol=1e-4, rtol=0)
    torch.testing.assert_close(
        ((matrix @ found) * found).sum(0), spread[:5].float(), atol=1e-4, rtol=0
    )
    assert same_subspace(found, first_eigenvectors(matrix, 5, 'full'))


def test_repeated_eigenvalues_keep_their_space() -> None:
    torch.manual_seed(0)
    values = torch.linspace(1, 2, 512).double()
    values[:8] = torch.tensor([0, 0, 0, 0, 0.3, 0.3, 0.3, 0.3])
    matrix = laplacian_like(values)
    full = first_eigenvectors(matrix, 8, 'full')
    assert same_subspace(first_eigenvectors(matrix, 8), full)


@pytest.mark.parametrize('solver', ['direct', 'lanczos'])
def test_normalized_cuts_groups_as_with_all_eigenvectors(solver: str) -> None:
    torch.manual_seed(0)
    x = torch.randn(12, 24)[torch.arange(600) % 12] + 0.3 * torch.randn(600, 24)
    fast = normalized_cuts(x, 12, solver=solver)
    full = normalized_cuts(x, 12, solver='full')
    assert torch.equal(fast.labels, full.labels)
    torch.testing.assert_close(fast.centroids, full.centroids)


def test_lanczos_leaves_what_it_cannot_do_to_the_full_solver(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import scipy.sparse.linalg

    def stuck(*_: Any, **__: Any) -> None:
        raise scipy.sparse.linalg.ArpackNoConvergence('stuck', [], [])

    matrix = laplacian_like(torch.arange(12.0).double())
    full = first_eigenvectors(matrix, 3, 'full')
    monkeypatch.setattr(scipy.sparse.linalg, 'eigsh', stuck)
    with pytest.warns(UserWarning, match='did not converge'):
        assert torch.equal(first_eigenvectors(matrix, 3, 'lanczos'), full)
    with pytest.raises(ValueError, match="got 'magic'"):
        NormalizedCutsGrouping(3, solver='magic')


@pytest.mark.parametrize('x', [torch.ones(1, 4), torch.eye(5), torch.zeros(6, 3)])
def test_normalized_cuts_of_degenerate_rows_is_finite(x: Any) -> None:
    groups = normalized_cuts(x, 3)
    assert groups.centroids.isfinite().all()
    assert int(groups.counts.sum()) == len(x)


def test_more_groups_than_images_warns_once_with_both_numbers() -> None:
    base._warned_sizes.clear()
    with pytest.warns(UserWarning, match='num_groups is 9, but only 4 images') as seen:
        groups, _ = (kmeans(torch.randn(4, 3), 9) for _ in range(2))
    assert len(seen) == 1
    assert groups.labels.tolist() == [0, 1, 2, 3]
    assert not groups.centroids[4:].any()


@pytest.mark.parametrize('kind', [KMeansGrouping, NormalizedCutsGrouping])
def test_settings_below_one_are_named(kind: Any) -> None:
    with pytest.raises(ValueError, match='num_groups must be >= 1, got 0'):
        kind(num_groups=0)
    with pytest.raises(ValueError, match='num_iters must be >= 1, got 0'):
        kind(num_groups=2, num_iters=0)


@pytest.mark.parametrize('grouping', [kmeans, normalized_cuts])
@pytest.mark.parametrize('odd', [float('nan'), float('inf')])
def test_a_feature_that_is_not_finite_shows_in_the_centroids(
    grouping: Any, odd: float
) -> None:
    features = torch.randn(9, 4, generator=torch.Generator().manual_seed(0))
    features[5, 2] = odd
    groups = grouping(features, 3)  # no error: NonFiniteLossHook names the images
    assert groups.counts.sum() == 9
    assert not groups.centroids[groups.labels[5]].isfinite().all()
