"""Normalized cuts over one batch: the alternative to k-means.

Source: CLD paper (arXiv 2008.03813), section 3.2, after Shi and Malik's
normalized cuts (TPAMI 2000).
"""

import torch
from torch import Tensor
from torch.nn import functional as F

from cld_mm.models.groups import Groups

from .base import check_grouping, check_settings, group_means
from .eigenvectors import check_solver, first_eigenvectors
from .kmeans import kmeans_labels


@torch.autocast('cuda', enabled=False)
@torch.autocast('cpu', enabled=False)
def normalized_cuts(
    features: Tensor,
    num_groups: int,
    num_eigenvectors: int | None = None,
    num_iters: int = 10,
    solver: str = 'direct',
) -> Groups:
    """Group rows by k-means in the space of the graph's first eigenvectors.

    Edge weights are the absolute cosines between rows. Labels carry no gradient;
    centroids are means of ``features`` and do. Computed in float32, also under
    autocast.

    Args:
        features: ``(N, C)``, any float type.
        num_groups: K.
        num_eigenvectors: dimensions of that space; K by default, at most N.
        num_iters: iterations of k-means.
        solver: 'direct', 'full' or 'lanczos'; see :func:`first_eigenvectors`.

    Returns:
        Labels, centroids (in feature space) and counts.

    Raises:
        ValueError: ``features`` is not ``(N, C)`` or empty, or a setting is
            below 1, or the solver is unknown.
    """
    check_grouping(features, num_groups, num_iters)
    check_solver(solver)
    features = features.float()
    with torch.no_grad():
        coordinates = spectral_coordinates(
            features.detach(), _count(num_groups, num_eigenvectors), solver
        )
        labels = kmeans_labels(coordinates, num_groups, num_iters)
    return Groups(labels, *group_means(features, labels, num_groups))


def _count(num_groups: int, num_eigenvectors: int | None) -> int:
    if num_eigenvectors is None:
        return num_groups
    if num_eigenvectors < 1:
        raise ValueError(
            f'num_eigenvectors must be >= 1 (or None for num_groups), got '
            f'{num_eigenvectors}.'
        )
    return num_eigenvectors


def spectral_coordinates(
    features: Tensor, num_eigenvectors: int, solver: str = 'direct'
) -> Tensor:
    """Rows of the normalized Laplacian's first eigenvectors, ``(N, k)``.

    Each row is divided by the square root of its degree, and everything by the
    first entry, which makes the first column 1.
    """
    unit = F.normalize(features, dim=1)
    # Solvers raise on NaN, so a non-finite row gets no neighbors; the mean of its
    # group, and so the loss, is still non-finite.
    affinity = (unit @ unit.t()).abs().nan_to_num(0, 0, 0).fill_diagonal_(0)  # N×N
    degree = affinity.sum(dim=1)
    # A row orthogonal to all others has degree 0; it is its own cut.
    scale = degree.clamp(min=torch.finfo(degree.dtype).eps).rsqrt()
    laplacian = scale[:, None] * (degree.diag() - affinity) * scale
    eigenvectors = first_eigenvectors(laplacian, num_eigenvectors, solver)
    coordinates = eigenvectors * scale[:, None]
    first = coordinates[0, 0]
    return coordinates / torch.where(first == 0, torch.ones_like(first), first)


class NormalizedCutsGrouping:
    """:func:`normalized_cuts` with its settings.

    Args:
        num_groups: K.
        num_eigenvectors: dimensions of the space; K by default.
        num_iters: iterations of k-means.
        solver: 'direct', 'full' or 'lanczos'.

    Raises:
        ValueError: a setting is below 1, or the solver is unknown.
    """

    def __init__(
        self,
        num_groups: int,
        num_eigenvectors: int | None = None,
        num_iters: int = 10,
        solver: str = 'direct',
    ) -> None:
        check_settings(num_groups, num_iters)
        check_solver(solver)
        self.solver = solver
        self.num_groups = num_groups
        self.num_eigenvectors = _count(num_groups, num_eigenvectors)
        self.num_iters = num_iters

    def __call__(self, features: Tensor) -> Groups:
        """Group ``(N, C)`` features."""
        return normalized_cuts(
            features,
            self.num_groups,
            self.num_eigenvectors,
            self.num_iters,
            self.solver,
        )
