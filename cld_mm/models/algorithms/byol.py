"""BYOL, alone or with CLD: announced by CLD's authors, never released.

Sources: BYOL (arXiv 2006.07733); CLD (arXiv 2008.03813). The loss is that of
mmpretrain's BYOL, value by value; what differs is the target's average: once an
optimizer step, along a schedule in optimizer steps.
"""

from typing import Any

import torch
from torch import Tensor

from cld_mm.models.utils.momentum_encoder import MomentumEncoder
from cld_mm.registry import MODELS

from .base import BaseAlgorithm, feature_std, instance_of


@MODELS.register_module()
class BYOL(BaseAlgorithm):
    """Each view's prediction against the other view's target projection.

    With ``cld``, the group features are a second projection of the online encoder's
    trunk, and L_CLD compares those of both views, with gradient to both.

    Args:
        backbone: config of the backbone.
        neck: config of the projector: mmpretrain's NonLinearNeck, or with ``cld`` a
            TwoBranchNonLinearNeck.
        head: config of mmpretrain's LatentPredictHead, which holds the predictor.
        cld: config of the CLDHead, or None.
        momentum: weight of the new parameters in the target at the start; 0.004 where
            the paper says 0.996.
        end_momentum: that share at the end of the run.
        data_preprocessor: config of the preprocessor.
        init_cfg: initialization.
    """

    num_views = 2

    def __init__(
        self,
        backbone: dict[str, Any],
        neck: dict[str, Any],
        head: dict[str, Any],
        cld: dict[str, Any] | None = None,
        momentum: float = 0.004,
        end_momentum: float = 0.0,
        data_preprocessor: dict[str, Any] | None = None,
        init_cfg: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(
            backbone=backbone,
            neck=neck,
            head=head,
            cld=cld,
            data_preprocessor=data_preprocessor,
            init_cfg=init_cfg,
        )
        self.target_encoder = MomentumEncoder(
            {'backbone': self.backbone, 'neck': self.neck}, momentum, end_momentum
        )

    def loss(
        self, inputs: list[Tensor], data_samples: list | None = None, **kwargs: Any
    ) -> dict[str, Tensor]:
        """Loss parts of one batch.

        Args:
            inputs: two views, each ``(N, 3, H, W)``.
            data_samples: not used.

        Returns:
            ``loss_instance``, ``feature_std``, and with CLD ``loss_cld``,
            ``group_acc`` and ``groups_used``.

        Raises:
            ValueError: too few views or images.
        """
        views = self.check_views(inputs, self.num_views)[: self.num_views]
        online = [self.project(view) for view in views]
        target = [self.encode_target(view) for view in views]
        loss = self.head.loss(online[0].instance, target[1]) + self.head.loss(
            online[1].instance, target[0]
        )
        losses = {
            'loss_instance': 2.0 * loss,
            'feature_std': feature_std(
                torch.nn.functional.normalize(online[0].instance.float(), dim=1)
            ),
        }
        if self.cld is not None:
            losses.update(self.cld.loss(online[0].group, online[1].group))
        return losses

    @torch.no_grad()
    def encode_target(self, images: Tensor) -> Tensor:
        """Target projections of one view."""
        feats = self.target_encoder['backbone'](images)
        return instance_of(self.target_encoder['neck'], feats)
