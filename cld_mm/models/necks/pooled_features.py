"""Necks of mmpretrain's algorithms and heads, for any backbone.

mmpretrain's own pool maps only; these also pool tokens and take vectors.
"""

from collections.abc import Sequence
from typing import Any

from mmengine.model import BaseModule
from mmpretrain.models.necks import NonLinearNeck
from torch import Tensor

from cld_mm.models.layers.pooling import pooled
from cld_mm.registry import MODELS


@MODELS.register_module()
class PooledFeatures(BaseModule):
    """Pooled features, for a linear head."""

    def forward(self, feats: Tensor | Sequence[Tensor]) -> tuple[Tensor]:
        """A tuple, as mmpretrain's heads expect, of features ``(N, C)``."""
        return (pooled(feats),)


@MODELS.register_module()
class PooledNonLinearNeck(NonLinearNeck):
    """mmpretrain's NonLinearNeck on pooled features.

    Args:
        **kwargs: as in NonLinearNeck, but ``with_avg_pool``.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs, with_avg_pool=False)

    def forward(self, feats: Tensor | Sequence[Tensor]) -> tuple[Tensor]:
        """Projected features ``(N, C)``, in a tuple."""
        return super().forward((pooled(feats),))
