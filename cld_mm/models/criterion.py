"""CLDCriterion: grouping and cross-level loss in one module, in plain torch.

Source: CLD paper (arXiv 2008.03813), sections 3.1 and 3.2.

    criterion = CLDCriterion(num_groups=32, temperature=0.2)
    loss = instance_loss + 0.25 * criterion(group_branch(view_1), group_branch(view_2))
"""

import itertools
from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from cld_mm.distributed.collectives import gather_with_grad, world_size

from .grouping import KMeansGrouping
from .groups import Groups
from .losses.cld_loss import CLDLoss

Grouping = Callable[[Tensor], Groups]


class CLDResult(NamedTuple):
    """Loss and statistics of one step.

    Attributes:
        loss: mean over all ordered pairs of views, a scalar with gradient.
        group_acc: fraction of instances whose nearest centroid of another view is
            that of their own group.
        groups_used: non-empty groups, mean over views.
        groups: groups of each view; labels are those of this rank's rows.
    """

    loss: Tensor
    group_acc: Tensor
    groups_used: Tensor
    groups: list[Groups]


class CLDCriterion(nn.Module):
    """Cross-level discrimination of two or more views of the same images.

    Args:
        num_groups: K of k-means; a batch should hold several images per group.
        temperature: T of the softmax over groups.
        num_iters: iterations of k-means.
        empty_groups: 'keep' (as in the paper) or 'mask'; see :func:`cld_loss`.
        gather: group the features of all ranks instead of each rank's own, with
            gradient to all of them.
        normalize: scale features to unit length first; switch it off for features
            that already have it.
        grouping: used instead of k-means, e.g. ``NormalizedCutsGrouping(10)``.
        loss: used instead of CLDLoss.

    Raises:
        ValueError: a setting is out of range, or neither ``num_groups`` nor
            ``grouping`` is given.
    """

    def __init__(
        self,
        num_groups: int | None = None,
        temperature: float = 0.2,
        num_iters: int = 5,
        empty_groups: str = 'keep',
        gather: bool = False,
        normalize: bool = True,
        grouping: Grouping | None = None,
        loss: nn.Module | None = None,
    ) -> None:
        super().__init__()
        if (num_groups is None) == (grouping is None):
            raise ValueError('Set either num_groups (for k-means) or grouping.')
        self.grouping: Any = grouping or KMeansGrouping(num_groups or 0, num_iters)
        self.cld_loss: Any = loss or CLDLoss(temperature, empty_groups)
        self.gather = gather
        self.normalize = normalize

    def forward(self, *views: Tensor) -> Tensor:
        """The loss alone, a scalar; see :meth:`compute`."""
        return self.compute(*views).loss

    def compute(self, *views: Tensor) -> CLDResult:
        """Loss and statistics.

        Args:
            views: ``(N, C)`` group features, one tensor per view, images in the same
                order. Two views give the paper's loss.

        Raises:
            ValueError: fewer than two views, or different shapes.
        """
        shapes = [tuple(view.shape) for view in views]
        if len(views) < 2 or len(set(shapes)) > 1:
            raise ValueError(
                'CLD compares two or more views of the same images, each (N, C); got '
                f'{len(views)} view(s) of shapes {shapes}.'
            )
        if self.normalize:
            with torch.autocast(views[0].device.type, enabled=False):
                views = tuple(F.normalize(view.float(), dim=1) for view in views)
        groups = self.group(*views)
        compared = [
            self.cld_loss.compare(views[a], groups[b])
            for a, b in itertools.permutations(range(len(views)), 2)
        ]
        losses, hits = zip(*compared, strict=True)
        used = torch.stack([(group.counts > 0).sum() for group in groups])
        return CLDResult(
            torch.stack(losses).mean(),
            torch.cat(hits).float().mean(),
            used.float().mean(),
            groups,
        )

    def group(self, *views: Tensor) -> list[Groups]:
        """Groups of each view; labels are those of this rank's own rows."""
        if not self.gather or world_size() == 1:
            return [self.grouping(view) for view in views]
        # All views travel together: one collective per step in each direction.
        joined = gather_with_grad(torch.stack(views, dim=1))  # ranks·N×views×C
        rank = torch.distributed.get_rank()
        groups = []
        for view in joined.unbind(dim=1):
            labels, centroids, counts = self.grouping(view.contiguous())
            own = labels.chunk(world_size())[rank]
            groups.append(Groups(own, centroids, counts))
        return groups

    def extra_repr(self) -> str:
        return f'gather={self.gather}, normalize={self.normalize}'
