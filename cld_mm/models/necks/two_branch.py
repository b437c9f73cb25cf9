"""TwoBranchNeck: one trunk, an instance and a group projection.

Source: CLD paper (arXiv 2008.03813), section 3.1 and figure 3: grouping and
instance discrimination pull features in different directions, so each has a branch.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

from mmengine.model import BaseModule
from torch import Tensor
from torch.nn import functional as F

from cld_mm.models.layers import check_channels, pooled
from cld_mm.registry import MODELS

from .projection import ProjectionNeck, projection_class


class Projections(NamedTuple):
    """Features of both branches for one view.

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
        in_channels: size of the backbone's pooled feature.
        out_channels: C, size of both branches' features.
        projection: name of a registered projection neck, which provides the shared
            trunk and the last layer of each branch.

    Raises:
        ValueError: no projection neck has that name.
    """

    def __init__(
        self, in_channels: int, out_channels: int = 128, projection: str = 'NormMLP'
    ) -> None:
        super().__init__()
        kind = projection_class(projection)
        self.in_channels = in_channels
        self.out_channels = out_channels
        self.trunk = kind.make_trunk(in_channels)
        self.instance = kind.make_projection(in_channels, out_channels)
        self.group = kind.make_projection(in_channels, out_channels)

    def forward(self, feats: Tensor | Sequence[Tensor]) -> Projections:
        """Both branches of ``(N, C_in)`` or ``(N, C_in, H, W)`` features."""
        hidden = self._hidden(feats)
        return Projections(
            F.normalize(self.instance(hidden), dim=1),
            F.normalize(self.group(hidden), dim=1),
        )

    def forward_instance(self, feats: Tensor | Sequence[Tensor]) -> Tensor:
        """The instance branch alone, ``(N, C)``, for keys and kNN."""
        return F.normalize(self.instance(self._hidden(feats)), dim=1)

    def _hidden(self, feats: Tensor | Sequence[Tensor]) -> Tensor:
        x = pooled(feats)
        check_channels(x, self.in_channels, self)
        return self.trunk(x)


def two_branch(neck: dict[str, Any]) -> dict[str, Any]:
    """Config of the two-branch neck with the layers of a one-branch neck.

    Any other neck stays as it is; so does one that already has two branches.

    Args:
        neck: config of a projection neck, or of mmpretrain's NonLinearNeck as in BYOL,
            whose group branch is a NormLinear layer of at most 128 outputs.

    Raises:
        ValueError: a NonLinearNeck has more layers than BYOL's.
    """
    found = MODELS.get(neck['type']) if isinstance(neck['type'], str) else neck['type']
    if isinstance(found, type) and issubclass(found, ProjectionNeck):
        return {**neck, 'type': 'TwoBranchNeck', 'projection': found.__name__}
    if found is not None and found.__name__ == 'NonLinearNeck':
        if neck.get('num_layers', 2) != 2 or neck.get('with_last_bn', True):
            raise ValueError(
                'With cld, a NonLinearNeck needs num_layers=2 and with_last_bn=False, '
                'as in BYOL; for other layers, set type=TwoBranchNonLinearNeck.'
            )
        sizes = {key: size for key, size in neck.items() if key.endswith('_channels')}
        group = min(sizes.get('out_channels', 256), 128)
        return {'type': 'TwoBranchNonLinearNeck', 'group_channels': group, **sizes}
    return neck
