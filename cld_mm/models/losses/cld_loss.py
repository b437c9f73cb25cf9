"""The cross-level loss: instances of one view against the other view's groups.

Source: CLD paper (arXiv 2008.03813), equation 3. It takes labels, centroids and
counts, and knows no grouping algorithm.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from cld_mm.models.groups import Groups

from .checks import check_temperature, warn_unless_unit_length

EMPTY_GROUPS = ('keep', 'mask')


def check_empty_groups(empty_groups: str) -> None:
    """Raise a ValueError unless it is 'keep' or 'mask'."""
    if empty_groups not in EMPTY_GROUPS:
        raise ValueError(
            f"empty_groups must be 'keep' (as in the paper) or 'mask' (excluded from "
            f'the softmax), got {empty_groups!r}.'
        )


def cross_level_logits(
    features: Tensor, groups: Groups, temperature: float, empty_groups: str = 'keep'
) -> Tensor:
    """Similarity of one view's features to the other view's centroids.

    Args:
        features: L2-normalized group features of one view, ``(N, C)``.
        groups: the other view's groups, K of them.
        temperature: divides the logits.
        empty_groups: the logit of an empty group: 0 ('keep') or -inf ('mask').

    Returns:
        Logits ``(N, K)``, float32.
    """
    logits = features.float() @ groups.centroids.t() / temperature
    if empty_groups == 'mask':
        logits = logits.masked_fill(groups.counts == 0, float('-inf'))
    return logits


def cld_loss(
    features_a: Tensor,
    features_b: Tensor,
    groups_a: Groups,
    groups_b: Groups,
    temperature: float,
    empty_groups: str = 'keep',
) -> Tensor:
    """Cross-level discrimination loss of two views of the same images.

    ``1/2 [CE(f_a M_b^T / T, y_b) + CE(f_b M_a^T / T, y_a)]``: the target of an
    instance is the group of its other view. Computed in float32, also under autocast.
    Gradient flows to the features and, through the centroids, to the features they
    average. Warns once if features do not have unit length.

    Args:
        features_a: L2-normalized group features of view a, ``(N, C)``.
        features_b: those of view b, in the same order of images.
        groups_a: groups of view a; its labels are those of ``features_a``.
        groups_b: groups of view b.
        temperature: T.
        empty_groups: 'keep' (as in the paper) gives empty groups the logit 0;
            'mask' excludes them from the softmax.

    Returns:
        The mean loss, a float32 scalar.

    Raises:
        ValueError: temperature is not above 0, ``empty_groups`` is unknown, or
            the views differ in shape.
    """
    if features_a.shape != features_b.shape:
        raise ValueError(
            f'The two views have features of shapes {tuple(features_a.shape)} and '
            f'{tuple(features_b.shape)}; they must show the same images in the same '
            'order.'
        )
    criterion = CLDLoss(temperature, empty_groups)
    return criterion(features_a, features_b, groups_a, groups_b)


class CLDLoss(nn.Module):
    """:func:`cld_loss` with its settings.

    Args:
        temperature: T.
        empty_groups: 'keep' or 'mask'.

    Raises:
        ValueError: temperature is not above 0 or ``empty_groups`` is unknown.
    """

    def __init__(self, temperature: float = 0.2, empty_groups: str = 'keep') -> None:
        super().__init__()
        check_temperature(temperature)
        check_empty_groups(empty_groups)
        self.temperature = temperature
        self.empty_groups = empty_groups

    @torch.autocast('cuda', enabled=False)
    @torch.autocast('cpu', enabled=False)
    def compare(self, features: Tensor, groups: Groups) -> tuple[Tensor, Tensor]:
        """One view's instances against another view's groups.

        Args:
            features: L2-normalized, ``(N, C)``.
            groups: of the other view, with the labels of the same N images.

        Returns:
            The mean cross-entropy, and whether each instance is nearest to its own
            group's centroid, ``(N,)`` bool.
        """
        warn_unless_unit_length(features)
        logits = cross_level_logits(
            features, groups, self.temperature, self.empty_groups
        )
        hits = logits.detach().argmax(dim=1) == groups.labels
        return F.cross_entropy(logits, groups.labels), hits

    def forward(
        self, features_a: Tensor, features_b: Tensor, groups_a: Groups, groups_b: Groups
    ) -> Tensor:
        """The loss of two views; see :func:`cld_loss`."""
        loss_a, _ = self.compare(features_a, groups_b)
        loss_b, _ = self.compare(features_b, groups_a)
        return 0.5 * (loss_a + loss_b)

    def extra_repr(self) -> str:
        return f'temperature={self.temperature}, empty_groups={self.empty_groups!r}'
