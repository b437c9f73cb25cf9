"""NNCLR: contrast with nearest neighbors (arXiv 2104.14548), alone or with CLD."""

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from cld_mm.distributed.collectives import gather
from cld_mm.models.algorithms.base import BaseAlgorithm
from cld_mm.registry import MODELS

from .memory import SupportSet


@MODELS.register_module()
class NNCLR(BaseAlgorithm):
    """The positive of an image is the nearest neighbor of its other view.

    Args:
        support_size: rows of the support set.
        feat_dim: size of the instance feature.
        temperature: of the softmax.
        **kwargs: backbone, neck, cld, data_preprocessor and init_cfg.
    """

    def __init__(
        self, support_size: int, feat_dim: int, temperature: float = 0.1, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.support = SupportSet(support_size, feat_dim)
        self.temperature = temperature

    def loss(
        self, inputs: list[Tensor], data_samples: list | None = None, **kwargs: Any
    ) -> dict[str, Tensor]:
        """Loss parts of one batch of two views."""
        first, second = map(self.project, self.check_views(inputs, 2)[:2])
        neighbors = self.support.nearest(second.instance.detach())
        logits = first.instance @ neighbors.t() / self.temperature  # N×N
        targets = torch.arange(len(logits), device=logits.device)
        losses = {'loss_instance': F.cross_entropy(logits, targets)}
        if self.cld is not None:
            losses |= self.cld.loss(first.group, second.group)
        self.support.write(gather(second.instance))
        return losses
