"""JigsawNeck: nine patches of an image to one feature.

Sources: PIRL (arXiv 1912.01991), section 3.2; InfoMin (arXiv 2005.10243), appendix;
the released InfoMin + CLD recipe.
"""

from collections.abc import Sequence

from mmengine.model import BaseModule
from torch import Tensor
from torch.nn import functional as F

from cld_mm.models.layers import check_channels, pooled
from cld_mm.registry import MODELS

from .projection import projection_class


@MODELS.register_module()
class JigsawNeck(BaseModule):
    """Backbone features of an image's patches to one feature of unit length.

    Trunk and projection are applied to each patch; the projections are concatenated in
    the order of the patches and go through a last layer.

    Args:
        in_channels: size of the backbone's pooled feature.
        out_channels: C, size of a patch's and of the image's feature.
        num_patches: patches of an image, 9 for a 3×3 grid.
        projection: name of a registered projection neck, which provides the trunk and
            both other layers.

    Raises:
        ValueError: no projection neck has that name.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int = 128,
        num_patches: int = 9,
        projection: str = 'NormMLP',
    ) -> None:
        super().__init__()
        kind = projection_class(projection)
        self.in_channels = in_channels
        self.num_patches = num_patches
        self.trunk = kind.make_trunk(in_channels)
        self.projection = kind.make_projection(in_channels, out_channels)
        self.fusion = kind.make_projection(num_patches * out_channels, out_channels)

    def forward(self, feats: Tensor | Sequence[Tensor]) -> Tensor:
        """Map ``(N * num_patches, ...)`` features, image by image, to ``(N, C)``.

        Raises:
            ValueError: the number of rows is not a multiple of ``num_patches``.
        """
        x = pooled(feats)
        check_channels(x, self.in_channels, self)
        if len(x) % self.num_patches:
            raise ValueError(
                f'JigsawNeck got {len(x)} patches, which is not a multiple of '
                f'num_patches={self.num_patches}; pass all patches of each image.'
            )
        patches = self.projection(self.trunk(x))  # (N * P)×C
        joined = patches.reshape(len(x) // self.num_patches, -1)  # N×(P * C)
        return F.normalize(self.fusion(joined), dim=1)
