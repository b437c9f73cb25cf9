"""BaseAlgorithm: base of the project's algorithms.

Adds to mmpretrain's BaseSelfSupervisor: a check of the views, both feature spaces
for kNN, and momentum encoders that are updated after optimizer steps.
"""

import inspect
from typing import Any

import numpy as np
import torch
from mmengine.model import BaseModel
from mmengine.optim import OptimWrapper
from mmpretrain.models.selfsup.base import BaseSelfSupervisor
from torch import Tensor, nn

from cld_mm.models.heads.cld_head import CLDHead
from cld_mm.models.layers import pooled
from cld_mm.models.memories import memories
from cld_mm.models.necks import Projections, two_branch
from cld_mm.models.utils.activation_checkpointing import recompute_blocks
from cld_mm.models.utils.backbone_output import feature_size, standardize_output
from cld_mm.models.utils.channels_last import use_channels_last
from cld_mm.models.utils.momentum_encoder import MomentumEncoder
from cld_mm.registry import MODELS


class FollowsOptimizer(BaseModel):
    """Base of models whose momentum encoders update after each optimizer step."""

    def momentum_encoders(self) -> list[MomentumEncoder]:
        """Every momentum encoder inside."""
        return [m for m in self.modules() if isinstance(m, MomentumEncoder)]

    def follow_optimizer(self, optimizer: torch.optim.Optimizer) -> None:
        """Update the momentum encoders after each step of this optimizer."""
        for encoder in self.momentum_encoders():
            encoder.follow(optimizer)

    def init_weights(self) -> None:
        """Initialize, then copy the weights of each momentum encoder's source."""
        super().init_weights()
        for encoder in self.momentum_encoders():
            encoder.copy_weights()

    @property
    def _ddp_params_and_buffers_to_ignore(self) -> list[str]:
        """Buffers that DistributedDataParallel must not synchronize at the start."""
        return [
            f'{name}.{buffer}'
            for name, memory in memories(self).items()
            if not memory.shared
            for buffer, _ in memory.named_buffers()
        ]

    def train_step(self, data: Any, optim_wrapper: OptimWrapper) -> dict[str, Tensor]:
        """As in mmengine; momentum encoders follow this optimizer.

        DistributedDataParallel has its own ``train_step``; there MomentumUpdateHook
        does this.
        """
        self.follow_optimizer(optim_wrapper.optimizer)
        return super().train_step(data, optim_wrapper)


class BaseAlgorithm(FollowsOptimizer, BaseSelfSupervisor):
    """Base of NPID, MoCo, InfoMin and BYOL.

    Args:
        cld: config of a CLDHead, or None for the algorithm without it. With it, a
            one-branch neck becomes the two-branch neck of the same layers.
        data_preprocessor: config of the preprocessor; ViewsPreprocessor by default.
        **kwargs: as in mmpretrain's BaseSelfSupervisor (backbone, neck, head,
            init_cfg). The neck's ``in_channels`` is inferred if left out.
    """

    default_parts = {'cld': 'CLDHead'}
    inferred_settings: tuple[str, ...] = ('neck.in_channels',)

    def __init__(
        self,
        *,
        cld: dict[str, Any] | None = None,
        data_preprocessor: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        # Built here to resolve cld_mm types regardless of the default scope:
        # mmpretrain's base class uses its own registry.
        backbone = kwargs['backbone']
        if not isinstance(backbone, nn.Module):
            backbone = kwargs['backbone'] = MODELS.build(backbone)
        standardize_output(backbone)
        if isinstance(kwargs.get('neck'), dict):
            neck = two_branch(kwargs['neck']) if cld is not None else kwargs['neck']
            kwargs['neck'] = build_neck(neck, backbone)
        if isinstance(kwargs.get('head'), dict):
            kwargs['head'] = MODELS.build(kwargs['head'])
        if not isinstance(data_preprocessor, nn.Module):
            data_preprocessor = MODELS.build(
                {'type': 'ViewsPreprocessor', **(data_preprocessor or {})}
            )
        super().__init__(data_preprocessor=data_preprocessor, **kwargs)
        # Convolutions are faster on it. Values differ by rounding: CPU BatchNorm is
        # off by up to 2e-5 of float64's, against 4e-8 in the default layout.
        use_channels_last(self.backbone)
        recompute_blocks(self.backbone)
        self.cld: CLDHead | None = None
        if cld is not None:
            self.cld = MODELS.build({'type': 'CLDHead', **cld})

    def compile_passes(self, **settings: Any) -> None:
        """Compile backbone, neck and momentum copies in place, without graph breaks.

        Parameters keep their names, so checkpoints fit compiled and plain models.

        Args:
            **settings: of torch.compile.
        """
        copies = [part for e in self.momentum_encoders() for part in e.values()]
        for part in (self.backbone, self.neck, *copies):
            for module in part.modules():
                # mmpretrain's rates of stochastic depth are NumPy numbers, which
                # torch.compile treats as data: a branch on them breaks the graph.
                if isinstance(getattr(module, 'drop_prob', None), np.floating):
                    module.drop_prob = float(module.drop_prob)
            part.compile(fullgraph=True, **settings)
            if hasattr(part, 'forward_instance'):  # called beside forward, by keys
                part.forward_instance = torch.compile(
                    part.forward_instance, fullgraph=True, **settings
                )

    def check_views(self, views: list[Tensor] | Tensor, needed: int) -> list[Tensor]:
        """The views as a list.

        Raises:
            ValueError: fewer than ``needed`` views, or fewer than two images.
        """
        views = [views] if isinstance(views, Tensor) else list(views)
        name = type(self).__name__
        if len(views) < needed:
            raise ValueError(
                f'{name} got {len(views)} view(s) of each image, but needs {needed}; '
                f'set num_views={needed} in the pipeline of train_dataloader.'
            )
        if len(views[0]) < 2:
            raise ValueError(
                f'{name} got a batch of {len(views[0])} image(s), but instance '
                'discrimination needs >= 2; raise batch_size, or set drop_last=True to '
                'skip a small last batch.'
            )
        return views

    def project(self, images: Tensor) -> Projections:
        """Both branches of one view; equal if the neck has one.

        Args:
            images: ``(N, 3, H, W)``, preprocessed.
        """
        neck: Any = self.neck
        features = neck(self.backbone(images))
        if isinstance(features, Projections):
            return features
        features = features if isinstance(features, Tensor) else features[0]
        return Projections(features, features)

    @torch.no_grad()
    def extract_features(self, images: Tensor) -> dict[str, Tensor]:
        """Features for evaluation.

        Args:
            images: ``(N, 3, H, W)``, preprocessed.

        Returns:
            ``backbone``: pooled, ``(N, D)``; ``instance``: the instance branch,
            ``(N, C)``.
        """
        feats = self.backbone(images)
        instance = instance_of(self.neck, feats)
        return {'backbone': pooled(feats).float(), 'instance': instance.float()}


def build_neck(neck: dict[str, Any], backbone: nn.Module) -> Any:
    """Build a neck; its ``in_channels`` is the backbone's feature size if left out."""
    found = MODELS.get(neck['type']) if isinstance(neck['type'], str) else neck['type']
    takes_size = 'in_channels' in inspect.signature(found or dict).parameters
    if takes_size and 'in_channels' not in neck:
        neck = {**neck, 'in_channels': feature_size(backbone)}
    return MODELS.build(neck)


def instance_of(neck: Any, feats: Any) -> Tensor:
    """A neck's instance features ``(N, C)``, of its instance branch if it has two.

    Args:
        neck: a neck of this project, or of mmpretrain (which return tuples).
        feats: what the backbone returns.
    """
    features = getattr(neck, 'forward_instance', neck)(feats)
    return features if isinstance(features, Tensor) else features[0]


@torch.no_grad()
def feature_std(features: Tensor) -> Tensor:
    """Mean standard deviation of the features' dimensions, a scalar.

    For ``(N, C)`` rows of unit length: about ``C ** -0.5`` if they are spread evenly,
    0 if they have collapsed.
    """
    return features.detach().float().std(dim=0).mean()
