"""BaseAlgorithm: what every algorithm of the project shares.

It adds to mmpretrain's BaseSelfSupervisor: counting views, both feature spaces
for kNN, and a momentum encoder that hangs on the optimiser's steps.
"""

from typing import Any

import numpy as np
import torch
from mmengine.model import BaseModel
from mmengine.optim import OptimWrapper
from mmpretrain.models.selfsup.base import BaseSelfSupervisor
from torch import Tensor, nn

from cld_mm.registry import MODELS

from ..heads.cld_head import CLDHead
from ..necks import Projections, pooled
from ..utils.checkpointing import recompute_blocks
from ..utils.momentum_encoder import MomentumEncoder


class FollowsOptimizer(BaseModel):
    """Base of models with momentum encoders, which hang on the optimiser's steps."""

    def momentum_encoders(self) -> list[MomentumEncoder]:
        """Every momentum encoder inside."""
        return [m for m in self.modules() if isinstance(m, MomentumEncoder)]

    def follow_optimizer(self, optimizer: torch.optim.Optimizer) -> None:
        """Let what must follow an optimiser step hang on this optimiser."""
        for encoder in self.momentum_encoders():
            encoder.follow(optimizer)

    def init_weights(self) -> None:
        """Initialise, then start every momentum encoder from its source."""
        super().init_weights()
        for encoder in self.momentum_encoders():
            encoder.copy_weights()

    def train_step(self, data: Any, optim_wrapper: OptimWrapper) -> dict[str, Tensor]:
        """As in mmengine; the momentum encoder follows this optimiser.

        Under DistributedDataParallel, which has its own, MomentumUpdateHook
        sees to that.
        """
        self.follow_optimizer(optim_wrapper.optimizer)
        return super().train_step(data, optim_wrapper)


class BaseAlgorithm(FollowsOptimizer, BaseSelfSupervisor):
    """Base of NPID, MoCo, InfoMin and BYOL.

    Args:
        cld: config of a CLDHead, or None for the algorithm without it.
        **kwargs: as in mmpretrain's BaseSelfSupervisor (backbone, neck, head,
            data_preprocessor, init_cfg).
    """

    def __init__(
        self,
        *,
        cld: dict[str, Any] | None = None,
        data_preprocessor: dict[str, Any] | None = None,
        **kwargs,
    ) -> None:
        # Built here, so that names of this project are found whatever scope is
        # the default one: mmpretrain's base class looks in its own registry.
        for part in ('backbone', 'neck', 'head'):
            if isinstance(kwargs.get(part), dict):
                kwargs[part] = MODELS.build(kwargs[part])
        if not isinstance(data_preprocessor, nn.Module):
            data_preprocessor = MODELS.build(
                {'type': 'ViewsPreprocessor', **(data_preprocessor or {})}
            )
        super().__init__(data_preprocessor=data_preprocessor, **kwargs)
        # Convolutions are faster on it. Values differ by rounding: BatchNorm on a CPU is
        # off by up to 2e-5 of float64's, against 4e-8 in the default layout.
        self.backbone.to(memory_format=torch.channels_last)
        recompute_blocks(self.backbone)
        self.cld: CLDHead | None = None
        if cld is not None:
            self.cld = MODELS.build({'type': 'CLDHead', **cld})

    def compile_passes(self, **settings) -> None:
        """Compile backbone, neck and momentum copies in place, without graph breaks.

        Parameters keep their names, so checkpoints fit compiled and plain models.

        Args:
            **settings: of torch.compile.
        """
        copies = [part for e in self.momentum_encoders() for part in e.values()]
        for part in (self.backbone, self.neck, *copies):
            for module in part.modules():
                # mmpretrain takes the rates of stochastic depth from np.linspace, and
                # the compiler takes a NumPy number for data: a branch on it breaks.
                if isinstance(getattr(module, 'drop_prob', None), np.floating):
                    module.drop_prob = float(module.drop_prob)
            part.compile(fullgraph=True, **settings)
            if hasattr(part, 'forward_instance'):  # called beside forward, by keys
                part.forward_instance = torch.compile(
                    part.forward_instance, fullgraph=True, **settings
                )

    def check_views(self, views: list[Tensor] | Tensor, needed: int) -> list[Tensor]:
        """The views as a list, after checking that there are enough of them.

        Raises:
            ValueError: there are fewer than ``needed``, or fewer than two images.
        """
        views = [views] if isinstance(views, Tensor) else list(views)
        name = type(self).__name__
        if len(views) < needed:
            raise ValueError(
                f'{name} got {len(views)} view(s) of each image, but needs {needed}: '
                f'set num_views={needed} in the pipeline of train_dataloader.'
            )
        if len(views[0]) < 2:
            raise ValueError(
                f'{name} got a batch of {len(views[0])} image(s), but discriminating '
                'instances takes 2 at least: raise batch_size, or set drop_last=True '
                'so that no small batch is left over.'
            )
        return views

    def project(self, images: Tensor) -> Projections:
        """Both branches of one view; ``group`` is the instance where there is one.

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


def instance_of(neck: Any, feats: Any) -> Tensor:
    """A neck's instance features ``(N, C)``, of its instance branch where it has two.

    Args:
        neck: one of the project's necks, or of mmpretrain's, which return tuples.
        feats: what the backbone returns.
    """
    features = getattr(neck, 'forward_instance', neck)(feats)
    return features if isinstance(features, Tensor) else features[0]


@torch.no_grad()
def feature_std(features: Tensor) -> Tensor:
    """Mean standard deviation of the features' dimensions, a scalar.

    For ``(N, C)`` rows of unit length about ``C ** -0.5`` where they spread
    evenly, and 0 where they have collapsed.
    """
    return features.detach().float().std(dim=0).mean()
