"""PooledFeatures: any backbone's output as one vector per image, for a linear head."""

from collections.abc import Sequence

from mmengine.model import BaseModule
from torch import Tensor

from cld_mm.models.layers.pooling import pooled
from cld_mm.registry import MODELS


@MODELS.register_module()
class PooledFeatures(BaseModule):
    """Pool maps and tokens as pre-training does; vectors pass."""

    def forward(self, feats: Tensor | Sequence[Tensor]) -> tuple[Tensor]:
        """A tuple, as mmpretrain's heads expect, of features ``(N, C)``."""
        return (pooled(feats),)
