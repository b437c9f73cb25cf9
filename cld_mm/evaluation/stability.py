"""Do two encodings of the same images agree? Needs no labels.

Source: adjusted mutual information (Vinh et al., JMLR 2010) by scikit-learn: 0 for
independent groupings and 1 for equal ones, for any number of groups.
"""

import torch
from torch import Tensor
from torch.nn import functional as F

from .functional import group_features


def group_agreement(features_a: Tensor, features_b: Tensor, num_groups: int) -> float:
    """Adjusted mutual information of the k-means groups of two encodings.

    Args:
        features_a: ``(N, C)`` of the images, in one view or by one checkpoint.
        features_b: ``(N, D)`` of the same images, in another.
        num_groups: K.
    """
    one, two = (
        group_features(F.normalize(features, dim=1), num_groups).numpy()
        for features in (features_a, features_b)
    )
    from sklearn.metrics import adjusted_mutual_info_score  # slow to import

    return float(adjusted_mutual_info_score(one, two))


def neighbor_sets(features: Tensor, k: int) -> Tensor:
    """Indices ``(N, k)`` of the nearest other images by cosine.

    Args:
        features: ``(N, C)``.
        k: neighbors; at most N - 1.
    """
    unit = F.normalize(features.float(), dim=1)
    cosine = (unit @ unit.t()).fill_diagonal_(-torch.inf)
    return cosine.topk(min(k, len(unit) - 1), dim=1).indices


def neighbor_overlap(neighbors_a: Tensor, neighbors_b: Tensor) -> float:
    """Mean fraction of an image's neighbors that two sets ``(N, k)`` share."""
    shared = (neighbors_a[:, :, None] == neighbors_b[:, None]).any(dim=2)
    return float(shared.float().mean())
