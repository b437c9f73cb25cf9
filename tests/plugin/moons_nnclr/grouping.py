"""LeaderGrouping: the first rows lead, all others follow the nearest of them."""

from torch import Tensor

from cld_mm.models.grouping.base import group_means
from cld_mm.models.groups import Groups
from cld_mm.registry import MODELS


@MODELS.register_module()
class LeaderGrouping:
    """Groups around the first ``num_groups`` rows of a batch."""

    def __init__(self, num_groups: int) -> None:
        self.num_groups = num_groups

    def __call__(self, features: Tensor) -> Groups:
        """Group ``(N, C)`` features of unit length."""
        labels = (features @ features[: self.num_groups].t()).argmax(dim=1)
        return Groups(labels, *group_means(features, labels, self.num_groups))
