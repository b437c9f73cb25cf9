"""JigsawNeck: nine patches of an image to one feature.

Sources: PIRL (arXiv 1912.01991), section 3.2; InfoMin (arXiv 2005.10243), appendix;
the released InfoMin + CLD recipe.
"""

from collections.abc import Sequence

from mmengine.model import BaseModule
from torch import Tensor
from torch.nn import functional as F

from cld_mm.models.layers.pooling import pooled
from cld_mm.registry import MODELS

from .two_branch import check_projection


@MODELS.register_module()
class JigsawNeck(BaseModule):
    """Backbone features of an image's patches to one feature of unit length.

    Each patch goes through a trunk and a projection of its own; the projections,
    one behind the other in the order of the patches, through a last layer.

    Args:
        in_channels: size of the backbone's pooled feature.
        out_channels: C, size of a patch's and of the image's feature.
        num_patches: patches of an image, 9 for a 3×3 grid.
        projection: 'LinearNeck', 'NormLinearNeck', 'MLP' or 'NormMLP'; it gives
            the trunk and the kind of both other layers.

    Raises:
        ValueError: ``projection`` is none of the four.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int = 128,
        num_patches: int = 9,
        projection: str = 'NormMLP',
    ) -> None:
        super().__init__()
        kind = check_projection(projection)
        self.num_patches = num_patches
        self.trunk = kind.make_trunk(in_channels)
        self.projection = kind.make_projection(in_channels, out_channels)
        self.fusion = kind.make_projection(num_patches * out_channels, out_channels)

    def forward(self, feats: Tensor | Sequence[Tensor]) -> Tensor:
        """Map ``(N * num_patches, ...)`` features, image by image, to ``(N, C)``.

        Raises:
            ValueError: the rows are no multiple of ``num_patches``.
        """
        x = pooled(feats)
        if len(x) % self.num_patches:
            raise ValueError(
                f'JigsawNeck got {len(x)} patches, which is no multiple of num_patches '
                f'{self.num_patches}: give it all patches of each image.'
            )
        patches = self.projection(self.trunk(x))  # (N * P)×C
        joined = patches.reshape(len(x) // self.num_patches, -1)  # N×(P * C)
        return F.normalize(self.fusion(joined), dim=1)
