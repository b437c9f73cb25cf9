"""What a grouping returns, and how a centroid is computed."""

import warnings
from typing import NamedTuple

import torch
from torch import Tensor


class Groups(NamedTuple):
    """The groups of one view's features.

    Attributes:
        labels: the group of each image, ``(N,)`` int64, without gradient.
        centroids: the mean feature of each group, ``(K, C)`` float32, with
            gradient to the features. An empty group's centroid is zero.
        counts: images per group, ``(K,)`` int64.
    """

    labels: Tensor
    centroids: Tensor
    counts: Tensor


def check_settings(num_groups: int, num_iters: int) -> None:
    """Raise a ValueError where ``num_groups`` or ``num_iters`` is below 1."""
    if num_groups < 1:
        raise ValueError(
            f'num_groups is {num_groups}, but at least one group is '
            'needed: set it to 1 or more.'
        )
    if num_iters < 1:
        raise ValueError(
            f'num_iters is {num_iters}, but at least one round is '
            'needed: set it to 1 or more (the paper uses 5).'
        )


def check_grouping(features: Tensor, num_groups: int, num_iters: int) -> None:
    """Reject what cannot be grouped; warn where every image is its own group.

    Raises:
        ValueError: features are not ``(N, C)`` with N at least 1, or
            ``num_groups`` or ``num_iters`` is below 1.
    """
    check_settings(num_groups, num_iters)
    if features.ndim != 2 or features.shape[0] < 1:
        raise ValueError(
            f'grouping needs features of shape (N, C) with at least one row, got '
            f'{tuple(features.shape)}: pool and flatten them first.'
        )
    if num_groups >= features.shape[0]:
        _warn_singletons(num_groups, features.shape[0])


_warned_sizes: set[tuple[int, int]] = set()


def _warn_singletons(num_groups: int, num_images: int) -> None:
    if (num_groups, num_images) in _warned_sizes:
        return
    _warned_sizes.add((num_groups, num_images))
    warnings.warn(
        f'num_groups is {num_groups} but only {num_images} images are grouped at a '
        f'time: every image is its own group and {num_groups - num_images} centroids '
        'stay zero. The published ImageNet recipes do this; to really group, set '
        'cld.gather=True (group over all ranks), lower num_groups, or leave the zero '
        "centroids out of the softmax with cld.empty_groups='mask'.",
        stacklevel=4,
    )


def on_cpu(x: Tensor) -> bool:
    """Whether to look at values costs nothing."""
    return x.device.type == 'cpu'


def group_means(
    features: Tensor, labels: Tensor, num_groups: int
) -> tuple[Tensor, Tensor]:
    """Mean of the features in each group; zero for an empty one.

    Args:
        features: ``(N, C)``; the gradient flows to them.
        labels: the group of each row, ``(N,)`` int64.
        num_groups: K.

    Returns:
        Means ``(K, C)`` and counts ``(K,)`` int64.
    """
    if on_cpu(features):
        from .compiled import rows_by_group

        found = rows_by_group(labels.numpy(), num_groups)
        # Row by row in a group's order, as an index-add in a third of its time.
        counts, order, starts = map(torch.from_numpy, found)
        sums = torch.embedding_bag(features, order, starts)[0]
    else:
        sums = features.new_zeros(num_groups, features.shape[1])
        sums = sums.index_add(0, labels, features)
        counts = labels.new_zeros(num_groups)
        counts = counts.index_add(0, labels, torch.ones_like(labels))
    return sums / counts.clamp(min=1).unsqueeze(1), counts
