"""Normalized cuts: groups, coordinates and eigenvectors of the graph Laplacian."""

from typing import Any

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from cld_mm.models.grouping import (
    NormalizedCutsGrouping,
    normalized_cuts,
)
from cld_mm.models.grouping.eigenvectors import first_eigenvectors
from cld_mm.models.grouping.normalized_cuts import spectral_coordinates

pytestmark = pytest.mark.filterwarnings('ignore:num_groups is')


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
