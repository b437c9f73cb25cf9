"""Projection necks: pooled feature -> trunk -> projection -> unit length.

Source: CLD paper (arXiv 2008.03813), section 3.3 and table 6. The four differ
in the trunk (none, or a hidden layer) and in the last layer (linear, or cosine).

====================  ==========================  =========================
neck                  trunk                       projection
====================  ==========================  =========================
LinearProjectionNeck  identity                    Linear with bias
NormLinearNeck        identity                    NormLinear
MLP                   Linear(in, in) + ReLU       Linear with bias
NormMLP               Linear(in, in) + ReLU       NormLinear
====================  ==========================  =========================
"""

from collections.abc import Sequence

from mmengine.model import BaseModule
from torch import Tensor, nn
from torch.nn import functional as F

from cld_mm.models.layers import NormLinear, check_channels, pooled
from cld_mm.registry import MODELS


class ProjectionNeck(BaseModule):
    """Base of projection necks; a subclass names its trunk and projection.

    TwoBranchNeck, TwoBranchNonLinearNeck and JigsawNeck take any registered subclass
    as their ``projection``.

    Args:
        in_channels: size of the backbone's pooled feature.
        out_channels: C, size of the projected feature.
    """

    hidden: bool
    cosine: bool

    def __init__(self, in_channels: int, out_channels: int = 128) -> None:
        super().__init__()
        self.in_channels = in_channels
        self.out_channels = out_channels
        self.trunk = self.make_trunk(in_channels)
        self.projection = self.make_projection(in_channels, out_channels)

    @classmethod
    def make_trunk(cls, in_channels: int) -> nn.Module:
        """The part that the branches of a two-branch neck share; keeps the size."""
        if not cls.hidden:
            return nn.Identity()
        return nn.Sequential(nn.Linear(in_channels, in_channels), nn.ReLU(inplace=True))

    @classmethod
    def make_projection(cls, in_channels: int, out_channels: int) -> nn.Module:
        """The last layer of one branch."""
        layer = NormLinear if cls.cosine else nn.Linear
        return layer(in_channels, out_channels)

    def forward(self, feats: Tensor | Sequence[Tensor]) -> Tensor:
        """Map backbone features to ``(N, C)`` rows of unit length."""
        x = pooled(feats)
        check_channels(x, self.in_channels, self)
        return F.normalize(self.projection(self.trunk(x)), dim=1)


def projection_class(name: str) -> type[ProjectionNeck]:
    """The registered projection neck of that name.

    Raises:
        ValueError: there is none.
    """
    found = MODELS.get(name)
    if isinstance(found, type) and issubclass(found, ProjectionNeck):
        return found
    names = [
        key
        for key, part in MODELS.module_dict.items()
        if isinstance(part, type) and issubclass(part, ProjectionNeck)
    ]
    raise ValueError(
        f'projection must be a registered projection neck ({", ".join(names)}), got '
        f'{name!r}.'
    )


@MODELS.register_module()
class LinearProjectionNeck(ProjectionNeck):
    """One linear layer."""

    hidden, cosine = False, False


@MODELS.register_module()
class NormLinearNeck(ProjectionNeck):
    """One NormLinear layer."""

    hidden, cosine = False, True


@MODELS.register_module()
class MLP(ProjectionNeck):
    """A hidden layer with ReLU, then a linear one (MoCo v2's head)."""

    hidden, cosine = True, False


@MODELS.register_module()
class NormMLP(ProjectionNeck):
    """A hidden layer with ReLU, then NormLinear: the paper's best head."""

    hidden, cosine = True, True
