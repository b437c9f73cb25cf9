"""CLDHead: groups each view and discriminates instances across views.

Source: CLD paper (arXiv 2008.03813), sections 3.1 and 3.2.
"""

import itertools
from typing import Any

import torch
from mmengine.model import BaseModule
from torch import Tensor

from cld_mm.distributed.collectives import gather_with_grad, world_size
from cld_mm.models.grouping.base import Groups
from cld_mm.models.losses.cld_loss import CLDLoss, cross_level_logits
from cld_mm.registry import MODELS

MOST_GROUPS = 2**16  # recipes use 10 to 200; centroids and scores grow with them


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
        ValueError: ``loss_weight`` is below 0, or the grouping's ``num_groups`` is
            above 65,536.
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
        num_groups = getattr(self.grouping, 'num_groups', 1)
        if num_groups > MOST_GROUPS:
            raise ValueError(
                f'num_groups is {num_groups}, but at most {MOST_GROUPS} are sensible: '
                "groups are of one batch's images, and each takes a centroid and a "
                'column of scores; the recipes use 10 to 200.'
            )
        self.criterion: CLDLoss = MODELS.build(loss)
        self.loss_weight = loss_weight
        self.gather = gather
        # Groups of the newest batch's first view, for hooks that look at them.
        self.last_labels: Tensor | None = None

    def loss(self, *views: Tensor) -> dict[str, Tensor]:
        """Loss and statistics of two or more views' group features.

        Args:
            views: ``(N, C)`` features of unit length, one tensor a view of this
                rank's images, all in the same order.

        Returns:
            ``loss_cld``, times λ: the mean over all ordered pairs of views (for
            two, the paper's); ``group_acc``, the share of instances whose nearest
            other-view centroid is their group's; and ``groups_used``, how many
            groups are not empty, mean of the views.

        Raises:
            ValueError: there are fewer than two views.
        """
        if len(views) < 2:
            raise ValueError(
                f'CLDHead got {len(views)} view(s), but it compares each view with '
                'the groups of another: give it two or more.'
            )
        groups = self.group(*views)
        self.last_labels = groups[0].labels
        pairs = list(itertools.combinations(range(len(views)), 2))
        losses = [
            self.criterion(views[a], views[b], groups[a], groups[b]) for a, b in pairs
        ]
        hits = [
            self._hits(views[a], groups[b])
            for a, b in pairs + [pair[::-1] for pair in pairs]
        ]
        return {
            'loss_cld': self.loss_weight * torch.stack(losses).mean(),
            'group_acc': torch.cat(hits).float().mean(),
            'groups_used': self._used(*groups),
        }

    def group(self, *views: Tensor) -> list[Groups]:
        """Groups of each view; labels are those of this rank's own rows."""
        if not self.gather or world_size() == 1:
            return [self.grouping(view) for view in views]
        # All views travel together: one exchange a step each way.
        joined = gather_with_grad(torch.stack(views, dim=1))  # ranks·N×views×C
        rank = torch.distributed.get_rank()
        groups = []
        for view in joined.unbind(dim=1):
            labels, centroids, counts = self.grouping(view.contiguous())
            own = labels.chunk(world_size())[rank]
            groups.append(Groups(own, centroids, counts))
        return groups

    @torch.no_grad()
    def _hits(self, features: Tensor, groups: Groups) -> Tensor:
        logits = cross_level_logits(features, groups, 1.0, self.criterion.empty_groups)
        return logits.argmax(dim=1) == groups.labels

    @torch.no_grad()
    def _used(self, *views: Groups) -> Tensor:
        used = [(groups.counts > 0).sum() for groups in views]
        return torch.stack(used).float().mean()

    def extra_repr(self) -> str:
        return f'loss_weight={self.loss_weight}, gather={self.gather}'
