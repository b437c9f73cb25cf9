"""Normalised cuts over one batch: the alternative to k-means.

Source: CLD paper (arXiv 2008.03813), section 3.2, after Shi and Malik's
normalised cuts (TPAMI 2000).
"""

import torch
from torch import Tensor
from torch.nn import functional as F

from cld_mm.registry import MODELS

from .base import Groups, check_grouping, check_settings, group_means
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

    The graph's weights are the absolute cosines between rows. Labels carry no
    gradient; the centroids are the means of ``features`` and do. Computed in
    float32, also under autocast.

    Args:
        features: ``(N, C)``, any float type.
        num_groups: K.
        num_eigenvectors: how many eigenvectors span the space; K by default,
            and never more than N.
        num_iters: rounds of k-means.
        solver: of the eigenvectors, 'direct', 'full' or 'lanczos'; see
            :func:`first_eigenvectors`.

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
            f'num_eigenvectors is {num_eigenvectors}, but at least one '
            'is needed: set it to 1 or more, or leave it out.'
        )
    return num_eigenvectors


def spectral_coordinates(
    features: Tensor, num_eigenvectors: int, solver: str = 'direct'
) -> Tensor:
    """Rows of the normalised Laplacian's first eigenvectors, ``(N, k)``.

    Each row is divided by the square root of its degree, and everything by the
    first entry, which makes the first column 1.
    """
    unit = F.normalize(features, dim=1)
    # A row that is not finite has no neighbours, for solvers would raise; its group's
    # mean is not finite either, so the loss tells.
    affinity = (unit @ unit.t()).abs().nan_to_num(0, 0, 0).fill_diagonal_(0)  # N×N
    degree = affinity.sum(dim=1)
    # A row at right angles to all others has no degree; it is its own cut.
    scale = degree.clamp(min=torch.finfo(degree.dtype).eps).rsqrt()
    laplacian = scale[:, None] * (degree.diag() - affinity) * scale
    eigenvectors = first_eigenvectors(laplacian, num_eigenvectors, solver)
    coordinates = eigenvectors * scale[:, None]
    first = coordinates[0, 0]
    return coordinates / torch.where(first == 0, torch.ones_like(first), first)


@MODELS.register_module()
class NormalizedCutsGrouping:
    """:func:`normalized_cuts` with its settings.

    Args:
        num_groups: K.
        num_eigenvectors: dimensions of the space; K by default.
        num_iters: rounds of k-means.
        solver: of the eigenvectors, 'direct', 'full' or 'lanczos'.

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
