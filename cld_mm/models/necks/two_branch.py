"""TwoBranchNeck: one trunk, an instance and a group projection.

Source: CLD paper (arXiv 2008.03813), section 3.1 and figure 3: grouping and
instance discrimination pull features different ways, so each has its own branch.
"""

from collections.abc import Sequence
from typing import NamedTuple

from mmengine.model import BaseModule
from torch import Tensor
from torch.nn import functional as F

from cld_mm.models.layers.pooling import pooled
from cld_mm.registry import MODELS

from .projection import (
    MLP,
    LinearNeck,
    NormLinearNeck,
    NormMLP,
    ProjectionNeck,
)

PROJECTIONS: dict[str, type[ProjectionNeck]] = {
    neck.__name__: neck for neck in (LinearNeck, NormLinearNeck, MLP, NormMLP)
}


def check_projection(name: str) -> type[ProjectionNeck]:
    """The neck of that name; a ValueError where there is none."""
    if name not in PROJECTIONS:
        raise ValueError(
            f'projection is {name!r}, but the necks know {", ".join(PROJECTIONS)}: '
            'name one of these.'
        )
    return PROJECTIONS[name]


class Projections(NamedTuple):
    """Both branches' features of one view, rows of unit length.

    Attributes:
        instance: ``(N, C)``, for instance discrimination and for kNN.
        group: ``(N, C)``, for grouping and the cross-level loss.
    """

    instance: Tensor
    group: Tensor


@MODELS.register_module()
class TwoBranchNeck(BaseModule):
    """Backbone features to instance and group features of unit length.

    Args:
        projection: 'LinearNeck', 'NormLinearNeck', 'MLP' or 'NormMLP'; it gives
            the shared trunk and each branch's last layer.
        in_channels: size of the backbone's pooled feature.
        out_channels: C, size of either branch's feature.

    Raises:
        ValueError: ``projection`` is none of the four.
    """

    def __init__(
        self, in_channels: int, out_channels: int = 128, projection: str = 'NormMLP'
    ) -> None:
        super().__init__()
        kind = check_projection(projection)
        self.in_channels = in_channels
        self.out_channels = out_channels
        self.trunk = kind.make_trunk(in_channels)
        self.instance = kind.make_projection(in_channels, out_channels)
        self.group = kind.make_projection(in_channels, out_channels)

    def forward(self, feats: Tensor | Sequence[Tensor]) -> Projections:
        """Both branches of ``(N, C_in)`` or ``(N, C_in, H, W)`` features."""
        hidden = self.trunk(pooled(feats))
        return Projections(
            F.normalize(self.instance(hidden), dim=1),
            F.normalize(self.group(hidden), dim=1),
        )

    def forward_instance(self, feats: Tensor | Sequence[Tensor]) -> Tensor:
        """The instance branch alone, ``(N, C)``: what keys and kNN need."""
        return F.normalize(self.instance(self.trunk(pooled(feats))), dim=1)
