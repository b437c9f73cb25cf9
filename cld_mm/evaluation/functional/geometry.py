"""Geometry of features on the sphere, and whether they have collapsed.

Sources: alignment and uniformity, Wang and Isola (arXiv 2005.10242); effective rank,
Roy and Vetterli 2007, as RankMe (arXiv 2210.02885) uses it.
"""

import math

import torch
from torch import Tensor
from torch.nn import functional as F

from .checks import check_features
from .progress import progress


@torch.no_grad()
def alignment(features_a: Tensor, features_b: Tensor, power: float = 2.0) -> float:
    """Mean distance between two views of the same images, to a power.

    Args:
        features_a: ``(N, C)``; rows are normalized here.
        features_b: ``(N, C)``, the other view, same order.
        power: of the Euclidean distance.

    Raises:
        ValueError: features are not finite or the shapes differ.
    """
    check_features(features_a)
    check_features(features_b)
    if features_a.shape != features_b.shape:
        raise ValueError(
            f'the views have the shapes {tuple(features_a.shape)} and '
            f'{tuple(features_b.shape)}: they must show the same images.'
        )
    a, b = (F.normalize(x.double(), dim=1) for x in (features_a, features_b))
    return float((a - b).norm(dim=1).pow(power).mean())


@torch.no_grad()
def uniformity(features: Tensor, t: float = 2.0, chunk_elements: int = 2**23) -> float:
    """Logarithm of the mean Gaussian potential of all pairs; lower is more even.

    Args:
        features: ``(N, C)``, N at least 2; rows are normalized here.
        t: sharpness of the potential.
        chunk_elements: bound on the pairs held at once.

    Raises:
        ValueError: features are not finite or fewer than two.
    """
    check_features(features)
    if len(features) < 2:
        raise ValueError('uniformity compares pairs: give at least two images.')
    x = F.normalize(features.double(), dim=1)
    squares = x.square().sum(dim=1)  # 1, or 0 where a feature is zero
    step = max(1, chunk_elements // len(x))
    sums = []
    for start in progress(range(0, len(x), step), 'uniformity', 'chunk'):
        rows = x[start : start + step]
        distances = squares[start : start + step, None] + squares - 2 * rows @ x.t()
        potentials = distances.clamp_(min=0).mul_(-t)
        own = torch.arange(start, start + len(rows), device=x.device)[:, None]
        potentials.scatter_(1, own, float('-inf'))  # no image is its own pair
        sums.append(potentials.logsumexp(dim=1))
    total = torch.cat(sums).logsumexp(dim=0)
    return float(total - math.log(len(x) * (len(x) - 1)))


@torch.no_grad()
def effective_rank(features: Tensor) -> float:
    """Exponential of the entropy of the singular values, in [1, min(N, C)].

    Args:
        features: ``(N, C)``, as they are.

    Raises:
        ValueError: features are not finite, or all zero.
    """
    check_features(features)
    values = torch.linalg.svdvals(features.double())
    total = values.sum()
    if total == 0:
        raise ValueError('all features are zero: the network has collapsed.')
    shares = values / total
    return float(torch.special.entr(shares).sum().exp())


@torch.no_grad()
def dimension_std(features: Tensor) -> Tensor:
    """Standard deviation of each dimension of the normalized features, ``(C,)``.

    About ``C ** -0.5`` where features spread evenly, 0 where they have collapsed.

    Raises:
        ValueError: features are not ``(N, C)`` or not finite.
    """
    check_features(features)
    return F.normalize(features.double(), dim=1).std(dim=0, unbiased=False)
