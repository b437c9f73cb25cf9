"""CLDHead: CLDCriterion built from a config, with the values that are logged."""

from typing import Any

from torch import Tensor

from cld_mm.models.criterion import CLDCriterion
from cld_mm.registry import MODELS

MOST_GROUPS = 2**16  # recipes use 10 to 200; centroids and logits grow with them


@MODELS.register_module()
class CLDHead(CLDCriterion):
    """Local grouping, the cross-level loss and the values that are logged.

    Features must have unit length, as the project's necks return them.

    Args:
        grouping: config of the grouping; KMeansGrouping if ``type`` is missing.
        loss: config of the loss; CLDLoss if ``type`` is missing.
        loss_weight: λ; ``loss_cld`` is logged with it.
        gather: group the features of all ranks instead of each rank's own, with
            gradient to all of them.
        empty_groups: short for the loss's setting of that name.

    Raises:
        ValueError: ``loss_weight`` is below 0, or the grouping's ``num_groups`` is
            above 65,536.
    """

    default_parts = {'grouping': 'KMeansGrouping', 'loss': 'CLDLoss'}

    def __init__(
        self,
        grouping: dict[str, Any],
        loss: dict[str, Any] | None = None,
        loss_weight: float = 1.0,
        gather: bool = False,
        empty_groups: str | None = None,
    ) -> None:
        if not loss_weight >= 0:
            raise ValueError(
                f'loss_weight must be >= 0, got {loss_weight}; the recipes use 0.25 '
                'to 1.'
            )
        loss = {'type': 'CLDLoss', **(loss or {})}
        if empty_groups is not None:
            loss['empty_groups'] = empty_groups
        super().__init__(
            grouping=MODELS.build({'type': 'KMeansGrouping', **grouping}),
            loss=MODELS.build(loss),
            gather=gather,
            normalize=False,
        )
        num_groups = getattr(self.grouping, 'num_groups', 1)
        if num_groups > MOST_GROUPS:
            raise ValueError(
                f'num_groups must be <= {MOST_GROUPS}, got {num_groups}: groups are '
                'formed within one batch; the recipes use 10 to 200.'
            )
        self.loss_weight = loss_weight
        # Labels of the latest batch's first view, read by GroupQualityHook.
        self.last_labels: Tensor | None = None

    def loss(self, *views: Tensor) -> dict[str, Tensor]:
        """Loss and statistics of two or more views' group features.

        Args:
            views: ``(N, C)`` features of unit length, one tensor per view, images in
                the same order.

        Returns:
            ``loss_cld`` (times λ), ``group_acc`` and ``groups_used``; see CLDResult.

        Raises:
            ValueError: fewer than two views, or different shapes.
        """
        result = self.compute(*views)
        self.last_labels = result.groups[0].labels
        return {
            'loss_cld': self.loss_weight * result.loss,
            'group_acc': result.group_acc,
            'groups_used': result.groups_used,
        }

    def extra_repr(self) -> str:
        return f'loss_weight={self.loss_weight}, gather={self.gather}'
