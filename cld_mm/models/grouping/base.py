"""Checks and centroids that all groupings share."""

import warnings

import torch
from torch import Tensor


def check_settings(num_groups: int, num_iters: int) -> None:
    """Raise a ValueError if ``num_groups`` or ``num_iters`` is below 1."""
    if num_groups < 1:
        raise ValueError(f'num_groups must be >= 1, got {num_groups}.')
    if num_iters < 1:
        raise ValueError(f'num_iters must be >= 1, got {num_iters} (the paper uses 5).')


def check_grouping(features: Tensor, num_groups: int, num_iters: int) -> None:
    """Reject invalid input; warn once if every image becomes its own group.

    Raises:
        ValueError: features are not ``(N, C)`` with N >= 1, or ``num_groups`` or
            ``num_iters`` is below 1.
    """
    check_settings(num_groups, num_iters)
    if features.ndim != 2 or features.shape[0] < 1:
        raise ValueError(
            f'Grouping needs features of shape (N, C) with N >= 1, got '
            f'{tuple(features.shape)}; pool and flatten them first.'
        )
    if num_groups >= features.shape[0]:
        _warn_singletons(num_groups, features.shape[0])


_warned_sizes: set[tuple[int, int]] = set()


def _warn_singletons(num_groups: int, num_images: int) -> None:
    if (num_groups, num_images) in _warned_sizes:
        return
    _warned_sizes.add((num_groups, num_images))
    warnings.warn(
        f'num_groups is {num_groups}, but only {num_images} images are grouped at a '
        f'time: every image is its own group and {num_groups - num_images} centroids '
        'stay zero. The published ImageNet recipes do this. To form real groups, set '
        'cld.gather=True (group over all ranks) or lower num_groups; '
        "cld.empty_groups='mask' excludes the zero centroids from the softmax.",
        stacklevel=4,
    )


def group_means(
    features: Tensor, labels: Tensor, num_groups: int
) -> tuple[Tensor, Tensor]:
    """Mean feature of each group; zero for an empty group.

    Args:
        features: ``(N, C)``; gradient flows to them.
        labels: group index of each row, ``(N,)`` int64.
        num_groups: K.

    Returns:
        Means ``(K, C)`` and counts ``(K,)`` int64.
    """
    sums = features.new_zeros(num_groups, features.shape[1])
    sums = sums.index_add(0, labels, features)
    counts = labels.new_zeros(num_groups)
    counts = counts.index_add(0, labels, torch.ones_like(labels))
    return sums / counts.clamp(min=1).unsqueeze(1), counts
