"""GELUNeck: a projection with a GELU instead of a ReLU."""

from torch import nn

from cld_mm.models.necks import ProjectionNeck
from cld_mm.registry import MODELS


@MODELS.register_module()
class GELUNeck(ProjectionNeck):
    """Linear, GELU, linear; TwoBranchNeck takes it by its name."""

    cosine = False

    @classmethod
    def make_trunk(cls, in_channels: int) -> nn.Module:
        """The part that both branches of a TwoBranchNeck share."""
        return nn.Sequential(nn.Linear(in_channels, in_channels), nn.GELU())
