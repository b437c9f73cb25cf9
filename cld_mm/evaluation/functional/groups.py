"""How well groups agree with classes.

Source: CLD (arXiv 2008.03813), section 4 (NMI of clusters with classes); the indices
are scikit-learn's.
"""

import torch
from torch import Tensor

from cld_mm.models.grouping import kmeans

from .checks import check_features, check_labels


@torch.no_grad()
def group_quality(groups: Tensor, classes: Tensor) -> dict[str, float]:
    """Agreement of a grouping with the classes.

    Args:
        groups: group of each image, ``(N,)`` integers.
        classes: class of each image, ``(N,)`` integers.

    Returns:
        ``nmi`` (arithmetic mean) and ``purity`` in [0, 1], ``adjusted_rand`` in
        [-0.5, 1], ``groups_used`` and ``group_size``, the mean size of those used.

    Raises:
        ValueError: they differ in length or are empty.
    """
    if len(groups) == 0:
        raise ValueError('there is no image to group: give at least one.')
    check_labels(classes, len(groups), 'classes')
    from sklearn.metrics import (  # slow to import
        adjusted_rand_score,
        normalized_mutual_info_score,
    )

    _, group = groups.cpu().unique(return_inverse=True)
    _, label = classes.cpu().unique(return_inverse=True)
    used, kinds = int(group.max()) + 1, int(label.max()) + 1
    table = torch.bincount(group * kinds + label, minlength=used * kinds)
    return {
        'nmi': float(normalized_mutual_info_score(label.numpy(), group.numpy())),
        'adjusted_rand': float(adjusted_rand_score(label.numpy(), group.numpy())),
        'purity': float(table.view(used, kinds).amax(dim=1).sum() / len(group)),
        'groups_used': float(used),
        'group_size': len(group) / used,
    }


@torch.no_grad()
def group_features(features: Tensor, num_groups: int, num_iters: int = 30) -> Tensor:
    """k-means groups of a whole dataset, from starts that its order does not choose.

    Datasets often come class by class, and the first K rows start k-means.

    Args:
        features: ``(N, C)`` of unit length.
        num_groups: K.
        num_iters: rounds.

    Returns:
        Group of each row, ``(N,)``.

    Raises:
        ValueError: features are not finite, or a setting is below 1.
    """
    check_features(features)
    order = torch.randperm(len(features), generator=torch.Generator().manual_seed(0))
    labels = torch.empty(len(features), dtype=torch.long)
    # More groups than images would be empty, and take memory.
    most = max(1, min(num_groups, len(features)))
    labels[order] = kmeans(features[order], most, num_iters).labels.cpu()
    return labels
