"""TwoBranchNonLinearNeck: BYOL's projector with a group branch.

Sources: BYOL (arXiv 2006.07733), section 3.3, for the trunk and the instance branch;
CLD (arXiv 2008.03813), section 3.1, for the second projection of the same trunk.
"""

from collections.abc import Sequence

from mmengine.model import BaseModule
from torch import Tensor, nn
from torch.nn import functional as F

from cld_mm.models.layers import pooled
from cld_mm.registry import MODELS

from .projection import projection_class
from .two_branch import Projections


@MODELS.register_module()
class TwoBranchNonLinearNeck(BaseModule):
    """Linear, BatchNorm and ReLU, then an instance and a group projection.

    Args:
        in_channels: size of the backbone's pooled feature.
        hid_channels: size of the trunk's output.
        out_channels: size of the instance feature.
        group_channels: C, size of the group feature.
        projection: name of a registered projection neck, which provides the last
            layer of the group branch.

    Raises:
        ValueError: no projection neck has that name.
    """

    def __init__(
        self,
        in_channels: int,
        hid_channels: int = 4096,
        out_channels: int = 256,
        group_channels: int = 128,
        projection: str = 'NormLinearNeck',
    ) -> None:
        super().__init__()
        kind = projection_class(projection)
        self.trunk = nn.Sequential(
            nn.Linear(in_channels, hid_channels),
            nn.BatchNorm1d(hid_channels),
            nn.ReLU(inplace=True),
        )
        self.instance = nn.Linear(hid_channels, out_channels)
        self.group = kind.make_projection(hid_channels, group_channels)

    def forward(self, feats: Tensor | Sequence[Tensor]) -> Projections:
        """Instance features for the predictor, group features of unit length."""
        hidden = self.trunk(pooled(feats))
        return Projections(
            self.instance(hidden), F.normalize(self.group(hidden), dim=1)
        )

    def forward_instance(self, feats: Tensor | Sequence[Tensor]) -> Tensor:
        """The instance branch alone, for the target encoder and kNN."""
        return self.instance(self.trunk(pooled(feats)))
