"""MoCo and MoCo v2, alone or with CLD.

Sources: MoCo (arXiv 1911.05722), MoCo v2 (arXiv 2003.04297), CLD (arXiv
2008.03813), section 3 and the released recipes.
"""

from typing import Any

import torch
from mmengine.dist import get_rank
from torch import Tensor

from cld_mm.distributed.collectives import gather, world_size
from cld_mm.models.memories import FeatureQueue
from cld_mm.models.utils.momentum_encoder import MomentumEncoder
from cld_mm.models.utils.shuffle_bn import gather_shuffled, shuffle
from cld_mm.registry import MODELS

from .base import BaseAlgorithm, feature_std, instance_of


@MODELS.register_module()
class MoCo(BaseAlgorithm):
    """Momentum contrast with one or two query views.

    ========================  ===========  ==========================================
    settings                  views        loss
    ========================  ===========  ==========================================
    default                   (q, k)       InfoNCE(q, k)
    ``num_queries=2``         (q, k, q2)   mean over both queries: CLD's baseline with
                                           the same views and passes
    ``cld=dict(...)``         (q, k, q2)   the same plus λ L_CLD(q, q2)
    ========================  ===========  ==========================================

    Args:
        backbone: config of the backbone.
        neck: config of the neck; with ``cld`` a TwoBranchNeck.
        head: config of the instance head, InfoNCEHead.
        cld: config of the CLDHead, or None.
        num_queries: query views a step; 2 with ``cld``, else 1.
        queue_len: L, how many past keys are negatives.
        feat_dim: C, size of the instance feature.
        queue_dtype: type the queue is kept in, 'float32' or 'float16'.
        momentum: weight of the new parameters in the momentum encoder; 0.001 where
            the papers say 0.999.
        shuffle_bn: exchange images between ranks before the momentum encoder,
            see :mod:`cld_mm.models.utils.shuffle_bn`.
        data_preprocessor: config of the preprocessor.
        init_cfg: initialization.

    Raises:
        ValueError: ``num_queries`` is not 1 or 2, or is 1 with ``cld``.
    """

    def __init__(
        self,
        backbone: dict[str, Any],
        neck: dict[str, Any],
        head: dict[str, Any],
        cld: dict[str, Any] | None = None,
        num_queries: int | None = None,
        queue_len: int = 65536,
        feat_dim: int = 128,
        queue_dtype: str = 'float32',
        momentum: float = 0.001,
        shuffle_bn: bool = True,
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
        if num_queries is None:
            num_queries = 2 if cld is not None else 1
        if num_queries not in (1, 2) or (cld is not None and num_queries != 2):
            raise ValueError(
                f'num_queries is {num_queries}, but MoCo takes 1 or 2, and with cld '
                'it takes 2, because CLD compares two views with gradient: leave it '
                'out, or set it to 2.'
            )
        self.num_queries = num_queries
        self.shuffle_bn = shuffle_bn
        self.queue = FeatureQueue(queue_len, feat_dim, queue_dtype)
        self.momentum_encoder = MomentumEncoder(
            {'backbone': self.backbone, 'neck': self.neck}, momentum
        )

    def loss(
        self, inputs: list[Tensor], data_samples: list | None = None, **kwargs: Any
    ) -> dict[str, Tensor]:
        """Loss parts of one batch; the keys enter the queue.

        Args:
            inputs: views (q, k) or (q, k, q2), each ``(N, 3, H, W)``.
            data_samples: not used.

        Returns:
            ``loss_instance``, ``feature_std``, and with CLD ``loss_cld``,
            ``group_acc`` and ``groups_used``.

        Raises:
            ValueError: too few views or images, or a queue smaller than the keys
                of one step.
        """
        views = self.check_views(inputs, self.num_views)
        self.queue.check_fits(len(views[1]) * world_size())
        queries = [
            self.project(view) for view in (views[0], *views[2:3])[: self.num_queries]
        ]
        all_keys = self.encode_keys(views[1])
        keys = all_keys.chunk(world_size())[get_rank()]
        instances = [query.instance for query in queries]
        losses = self.instance_loss(instances, keys, views)
        losses['feature_std'] = feature_std(instances[0])
        if self.cld is not None:
            losses.update(self.cld.loss(queries[0].group, queries[1].group))
        self.queue.enqueue(all_keys)
        return losses

    @property
    def num_views(self) -> int:
        """Views of an image that a step needs."""
        return 1 + self.num_queries

    def instance_loss(
        self, instances: list[Tensor], keys: Tensor, views: list[Tensor]
    ) -> dict[str, Tensor]:
        """``loss_instance`` of the queries' features, one ``(N, C)`` a query view.

        Args:
            instances: the queries' instance features.
            keys: ``(N, C)``.
            views: all views of the step.
        """
        return {'loss_instance': self.head.loss(instances, keys, self.queue.features)}

    @torch.no_grad()
    def encode_keys(self, images: Tensor) -> Tensor:
        """Keys of unit length from the momentum encoder, all ranks', in rank order.

        Args:
            images: ``(N, 3, H, W)``, this rank's.

        Returns:
            ``(ranks·N, C)``.
        """
        shuffled = shuffle(images) if self.shuffle_bn else images
        feats = self.momentum_encoder['backbone'](shuffled)
        keys = instance_of(self.momentum_encoder['neck'], feats).float()
        return gather_shuffled(keys) if self.shuffle_bn else gather(keys)
