"""CLDHead: groups each view and discriminates instances across views.

Source: CLD paper (arXiv 2008.03813), sections 3.1 and 3.2.
"""

from typing import Any

import torch
from mmengine.model import BaseModule
from torch import Tensor

from cld_mm.registry import MODELS

from ..grouping.base import Groups
from ..losses.cld_loss import CLDLoss, cross_level_logits
from ..utils.gather import gather_with_grad, world_size


@MODELS.register_module()
class CLDHead(BaseModule):
    """Local grouping, the cross-level loss and what is logged about them.

    Args:
        grouping: config of the grouping, KMeansGrouping or
            NormalizedCutsGrouping.
        loss: config of the loss, CLDLoss; ``empty_groups='mask'`` there leaves
            empty groups out of the softmax.
        loss_weight: λ; ``loss_cld`` is logged with it.
        gather: group the features of all ranks instead of each rank's own, with
            gradient to all of them.
        empty_groups: short for the loss's setting of that name.

    Raises:
        ValueError: ``loss_weight`` is below 0.
    """

    def __init__(
        self,
        grouping: dict[str, Any],
        loss: dict[str, Any] | None = None,
        loss_weight: float = 1.0,
        gather: bool = False,
        empty_groups: str | None = None,
    ) -> None:
        super().__init__()
        if not loss_weight >= 0:
            raise ValueError(
                f'loss_weight is {loss_weight}, but a loss cannot have a '
                'negative weight: the recipes use 0.25 to 1.'
            )
        loss = dict(loss or {})
        loss.setdefault('type', 'CLDLoss')
        if empty_groups is not None:
            loss['empty_groups'] = empty_groups
        grouping = dict(grouping)
        grouping.setdefault('type', 'KMeansGrouping')
        self.grouping = MODELS.build(grouping)
        self.criterion: CLDLoss = MODELS.build(loss)
        self.loss_weight = loss_weight
        self.gather = gather

    def loss(self, features_a: Tensor, features_b: Tensor) -> dict[str, Tensor]:
        """Loss and statistics of two views' group features.

        Args:
            features_a: ``(N, C)`` of unit length, one view of this rank's images.
            features_b: ``(N, C)``, the other view, same order.

        Returns:
            ``loss_cld`` (times λ), ``group_acc`` (share of instances whose
            nearest other-view centroid is their group's) and ``groups_used``
            (groups that are not empty, mean of the views).
        """
        groups_a, groups_b = self.group(features_a), self.group(features_b)
        loss = self.criterion(features_a, features_b, groups_a, groups_b)
        return {
            'loss_cld': self.loss_weight * loss,
            'group_acc': self._accuracy(features_a, features_b, groups_a, groups_b),
            'groups_used': self._used(groups_a, groups_b),
        }

    def group(self, features: Tensor) -> Groups:
        """Groups of one view; labels are those of this rank's own rows."""
        if not self.gather or world_size() == 1:
            return self.grouping(features)
        labels, centroids, counts = self.grouping(gather_with_grad(features))
        own = labels.chunk(world_size())[torch.distributed.get_rank()]
        return Groups(own, centroids, counts)

    @torch.no_grad()
    def _accuracy(
        self, features_a: Tensor, features_b: Tensor, groups_a: Groups, groups_b: Groups
    ) -> Tensor:
        hits = [
            self._nearest(features_a, groups_b) == groups_b.labels,
            self._nearest(features_b, groups_a) == groups_a.labels,
        ]
        return torch.cat(hits).float().mean()

    def _nearest(self, features: Tensor, groups: Groups) -> Tensor:
        logits = cross_level_logits(
            features.detach(), groups, 1.0, self.criterion.empty_groups
        )
        return logits.argmax(dim=1)

    @torch.no_grad()
    def _used(self, *views: Groups) -> Tensor:
        used = [(groups.counts > 0).sum() for groups in views]
        return torch.stack(used).float().mean()

    def extra_repr(self) -> str:
        return f'loss_weight={self.loss_weight}, gather={self.gather}'
