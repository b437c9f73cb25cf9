"""The cross-level loss: instances of one view against the other view's groups.

Source: CLD paper (arXiv 2008.03813), equation 3. It knows no grouping: it takes
labels and centroids as they are.
"""

import torch
from mmengine.model import BaseModule
from torch import Tensor
from torch.nn import functional as F

from cld_mm.models.grouping.base import Groups
from cld_mm.registry import MODELS

from .checks import check_temperature

EMPTY_GROUPS = ('keep', 'mask')


def check_empty_groups(empty_groups: str) -> None:
    """Raise a ValueError unless it is 'keep' or 'mask'."""
    if empty_groups not in EMPTY_GROUPS:
        raise ValueError(
            f'empty_groups is {empty_groups!r}, but it must be one of '
            f'{EMPTY_GROUPS}: "keep" is the paper\'s, "mask" leaves empty '
            'groups out of the softmax.'
        )


def cross_level_logits(
    features: Tensor, groups: Groups, temperature: float, empty_groups: str = 'keep'
) -> Tensor:
    """Similarity of one view's features to the other view's centroids.

    Args:
        features: L2-normalised group features of one view, ``(N, C)``.
        groups: the other view's groups, K of them.
        temperature: divides the logits.
        empty_groups: 'keep' gives an empty group the logit 0, 'mask' minus
            infinity.

    Returns:
        Logits ``(N, K)``, float32.
    """
    logits = features.float() @ groups.centroids.t() / temperature
    if empty_groups == 'mask':
        logits = logits.masked_fill(groups.counts == 0, float('-inf'))
    return logits


@torch.autocast('cuda', enabled=False)
@torch.autocast('cpu', enabled=False)
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
    instance is the group that its other view belongs to. Computed in float32,
    also under autocast. The gradient flows to the features and, through the
    centroids, to what they are means of.

    Args:
        features_a: L2-normalised group features of view a, ``(N, C)``.
        features_b: those of view b, row i of the same image, ``(N, C)``.
        groups_a: groups of view a; its labels belong to the rows of
            ``features_a``.
        groups_b: groups of view b.
        temperature: T.
        empty_groups: 'keep' (the paper's) leaves empty groups in the softmax
            with the logit 0; 'mask' leaves them out.

    Returns:
        The mean loss, a float32 scalar.

    Raises:
        ValueError: temperature is not above 0, ``empty_groups`` is unknown, or
            the views differ in shape.
    """
    check_temperature(temperature)
    check_empty_groups(empty_groups)
    if features_a.shape != features_b.shape:
        raise ValueError(
            f'the two views have features of shape {tuple(features_a.shape)} and '
            f'{tuple(features_b.shape)}: they must show the same images in the same '
            'order.'
        )
    logits_a = cross_level_logits(features_a, groups_b, temperature, empty_groups)
    logits_b = cross_level_logits(features_b, groups_a, temperature, empty_groups)
    return 0.5 * (
        F.cross_entropy(logits_a, groups_b.labels)
        + F.cross_entropy(logits_b, groups_a.labels)
    )


@MODELS.register_module()
class CLDLoss(BaseModule):
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

    def forward(
        self, features_a: Tensor, features_b: Tensor, groups_a: Groups, groups_b: Groups
    ) -> Tensor:
        """The loss of two views; see :func:`cld_loss`."""
        return cld_loss(
            features_a,
            features_b,
            groups_a,
            groups_b,
            self.temperature,
            self.empty_groups,
        )

    def extra_repr(self) -> str:
        return f'temperature={self.temperature}, empty_groups={self.empty_groups!r}'
