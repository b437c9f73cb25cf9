"""Groups: what groupings return and losses take."""

from typing import NamedTuple

from torch import Tensor


class Groups(NamedTuple):
    """The groups of one view's features.

    Attributes:
        labels: group index of each image, ``(N,)`` int64, no gradient.
        centroids: mean feature of each group, ``(K, C)`` float32, with gradient to
            the features; zero for an empty group.
        counts: images per group, ``(K,)`` int64.
    """

    labels: Tensor
    centroids: Tensor
    counts: Tensor
