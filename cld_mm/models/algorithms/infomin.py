"""InfoMin: MoCo with a jigsaw branch, alone or with CLD.

Sources: InfoMin (arXiv 2005.10243); PIRL (arXiv 1912.01991) for the jigsaw; CLD
(arXiv 2008.03813) and its released recipe. There the queue is updated between the
losses of the two views, so that the second meets its own positives as negatives;
here once a step, after both.
"""

from typing import Any

import torch
from torch import Tensor

from cld_mm.registry import MODELS

from .base import build_neck
from .moco import MoCo


@MODELS.register_module()
class InfoMin(MoCo):
    """MoCo whose keys must also be found from an image's shuffled patches.

    ``loss_instance`` is the mean over the query views of ``(1 - β) InfoNCE(query,
    key) + β InfoNCE(jigsaw, key)``. Views: (q, k, jigsaw), with two queries or with
    ``cld`` (q, k, q2, jigsaw); the last holds the patches of an image one below the
    other, ``(N, 3, P * S, S)``, as JigsawPatches makes them.

    Args:
        jigsaw: config of the JigsawNeck.
        jigsaw_weight: β.
        **kwargs: as in MoCo.

    Raises:
        ValueError: β is outside [0, 1].
    """

    inferred_settings = ('neck.in_channels', 'jigsaw.in_channels')

    def __init__(
        self, *, jigsaw: dict[str, Any], jigsaw_weight: float = 0.5, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        if not 0 <= jigsaw_weight <= 1:
            raise ValueError(
                f'jigsaw_weight must be in [0, 1], got {jigsaw_weight}; the recipe '
                'uses 0.5.'
            )
        self.jigsaw = build_neck({'type': 'JigsawNeck', **jigsaw}, self.backbone)
        self.jigsaw_weight = jigsaw_weight

    @property
    def num_views(self) -> int:
        """Views per image that a step needs, including the jigsaw."""
        return super().num_views + 1

    def instance_loss(
        self, instances: list[Tensor], keys: Tensor, views: list[Tensor]
    ) -> dict[str, Tensor]:
        """``loss_instance``, and ``jigsaw_nce``, the jigsaw part before weighting."""
        patches = self.split_patches(views[self.num_views - 1])
        puzzles = self.jigsaw(self.backbone(patches))
        queue = self.queue.features
        from_queries = self.head.loss(instances, keys, queue)
        from_puzzles = self.head.loss([puzzles], keys, queue)
        return {
            'loss_instance': torch.lerp(from_queries, from_puzzles, self.jigsaw_weight),
            'jigsaw_nce': from_puzzles.detach(),
        }

    def split_patches(self, images: Tensor) -> Tensor:
        """Tall images ``(N, 3, P * S, S)`` to their patches ``(N * P, 3, S, S)``.

        Raises:
            ValueError: the height is not P times the width.
        """
        num, channels, height, width = images.shape
        if height != self.jigsaw.num_patches * width:
            raise ValueError(
                f'The jigsaw view must stack {self.jigsaw.num_patches} square patches '
                f'vertically, got {width}×{height} pixels; end the last view of the '
                'pipeline with JigsawPatches.'
            )
        patches = images.reshape(num, channels, -1, width, width).transpose(1, 2)
        return patches.flatten(0, 1)
