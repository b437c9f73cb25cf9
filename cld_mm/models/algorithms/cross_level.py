"""CrossLevel: CLD added to any self-supervised algorithm of mmpretrain.

Source: CLD (arXiv 2008.03813), section 3.1: a group branch on the backbone, and the
cross-level loss between the views. The algorithm is not changed: its backbone's
features are recorded while it computes its own loss, so there is no second pass.
"""

import functools
from collections.abc import Callable
from typing import Any

import torch
from mmpretrain.registry import MODELS as MMPRETRAIN_MODELS
from torch import Tensor, nn

from cld_mm.distributed.collectives import gather, world_size
from cld_mm.models.layers import pooled
from cld_mm.models.utils.activation_checkpointing import recompute_blocks
from cld_mm.models.utils.backbone_output import standardize_output
from cld_mm.models.utils.channels_last import use_channels_last
from cld_mm.models.utils.forward_recorder import Call, Recorder, find_rows, image_keys
from cld_mm.registry import MODELS

from .base import FollowsOptimizer, build_neck, feature_std, instance_of

# Steps between checks that each view is still in the planned forward pass.
CHECK_INTERVAL = 64


@MODELS.register_module()
class CrossLevel(FollowsOptimizer):
    """An algorithm plus λ L_CLD on a group branch of its backbone.

    Where two or more views pass through the trained backbone (SimCLR, SimSiam, SwAV,
    BYOL, ...), CLD compares them all, with gradient to each. Where only one does, and
    the other passes through a momentum encoder (MoCo v2, DenseCL), CLD uses the
    momentum encoder's features, with gradient to the trained backbone only.

    Args:
        algorithm: config of the algorithm. A name that this project has too needs a
            prefix: ``mmpretrain.MoCo``, ``mmpretrain.BYOL``.
        cld: config of the CLDHead.
        neck: config of the group branch, a projection neck; its ``in_channels`` is
            inferred if left out.

    Raises:
        ValueError: the algorithm's name is ambiguous, or the neck's size cannot be
            inferred.
    """

    default_parts = {'neck': 'NormMLP', 'cld': 'CLDHead'}
    inferred_settings = ('neck.in_channels',)

    def __init__(
        self,
        algorithm: dict[str, Any],
        cld: dict[str, Any],
        neck: dict[str, Any] | None = None,
        init_cfg: dict[str, Any] | None = None,
    ) -> None:
        wrapped = build_algorithm(algorithm)
        super().__init__(data_preprocessor=wrapped.data_preprocessor, init_cfg=init_cfg)
        self.algorithm: Any = wrapped
        # As in BaseAlgorithm: faster, the same but for rounding.
        use_channels_last(wrapped.backbone)
        recompute_blocks(wrapped.backbone)
        for encoder in (wrapped.backbone, *_copies(wrapped, wrapped.backbone)):
            standardize_output(encoder)
        self.group_neck = build_neck(
            {'type': 'NormMLP', **(neck or {})}, wrapped.backbone
        )
        self.cld = MODELS.build({'type': 'CLDHead', **cld})
        self._plans: dict[tuple, list[tuple[int, int]]] = {}
        self._calls = 0

    @property
    def backbone(self) -> nn.Module:
        """The algorithm's backbone."""
        return self.algorithm.backbone

    @property
    def neck(self) -> nn.Module | None:
        """The algorithm's neck."""
        return self.algorithm.neck

    @property
    def head(self) -> nn.Module | None:
        """The algorithm's head, which mmpretrain's hooks read."""
        return self.algorithm.head

    def forward(
        self,
        inputs: list[Tensor] | Tensor,
        data_samples: list | None = None,
        mode: str = 'tensor',
    ) -> Any:
        """As mmpretrain's algorithms: 'tensor' for features, 'loss' for losses."""
        if mode == 'loss':
            return self.loss(inputs, data_samples)
        return self.algorithm(inputs, data_samples, mode=mode)

    def loss(
        self, inputs: list[Tensor] | Tensor, data_samples: list | None = None
    ) -> dict[str, Tensor]:
        """The algorithm's loss parts, and CLD's.

        Args:
            inputs: two or more views, each ``(N, 3, H, W)``.
            data_samples: passed on.

        Returns:
            The algorithm's parts (one named ``loss`` becomes ``loss_instance``),
            ``loss_cld``, ``group_acc``, ``groups_used`` and ``feature_std``.

        Raises:
            ValueError: the algorithm encodes fewer than two views.
        """
        views = [inputs] if isinstance(inputs, Tensor) else list(inputs)
        self._check_enough(len(views), len(views))
        averaged = _copies(self.algorithm, self.backbone)
        with Recorder(self.backbone, averaged) as recorder:
            parts = dict(self.algorithm.loss(inputs, data_samples))
        if 'loss' in parts:
            parts = {'loss_instance': parts.pop('loss'), **parts}
        features = self._features_by_view(views, recorder.calls)
        groups = [self.group_neck(feats) for feats in features]
        parts.update(self.cld.loss(*groups))
        parts['feature_std'] = feature_std(groups[0])
        return parts

    def _features_by_view(self, views: list[Tensor], calls: list[Call]) -> list[Tensor]:
        """Pooled features ``(N, D)`` of every view that was encoded, in its order."""
        wanted = [image_keys(view) for view in views]
        joined = functools.cache(lambda number: _joined(calls[number]))
        layout = (
            tuple(view.shape for view in views),
            tuple((call.images.shape, call.online) for call in calls),
        )
        # Planning synchronizes with the device, so a plan is cached per layout and
        # only checked: always on a CPU, every CHECK_INTERVAL steps on a GPU.
        self._calls += 1
        check = views[0].device.type == 'cpu' or self._calls % CHECK_INTERVAL == 0
        known = layout in self._plans
        for attempt in range(2):
            if not known or attempt:
                self._plans[layout] = self._plan(wanted, calls, joined)
            found, whole = [], []
            for view, call in self._plans[layout]:
                keys, features = joined(call)
                rows, present = find_rows(wanted[view], keys)
                found.append(features[rows])
                whole.append(present.all())
            if not (known and check) or all(whole):
                break
        return found

    def _plan(
        self, wanted: list[Tensor], calls: list[Call], joined: Callable
    ) -> list[tuple[int, int]]:
        """Which call encoded which view; momentum encoders only if needed."""
        sources: dict[int, int] = {}
        for online in (True, False):
            if len(sources) >= 2:
                break
            for number, call in enumerate(calls):
                if call.online != online:
                    continue
                keys, _ = joined(number)
                for view, rows in enumerate(wanted):
                    if view not in sources and bool(find_rows(rows, keys)[1].all()):
                        sources[view] = number
        self._check_enough(len(wanted), len(sources))
        return sorted(sources.items())

    def _check_enough(self, given: int, seen: int) -> None:
        if seen < 2:
            name = type(self.algorithm).__name__
            raise ValueError(
                f'{name} got {given} view(s) of each image and encodes {seen}, but CLD '
                'compares two; CrossLevel works with algorithms that encode two or '
                'more views (SimCLR, BYOL, MoCo, SwAV, ...), made by the pipeline of '
                'train_dataloader.'
            )

    @torch.no_grad()
    def extract_features(self, images: Tensor) -> dict[str, Tensor]:
        """Features for evaluation: ``backbone`` ``(N, D)`` and ``group`` ``(N, C)``."""
        feats = self.backbone(images)
        return {
            'backbone': pooled(feats).float(),
            'group': instance_of(self.group_neck, feats).float(),
        }

    def check_dataset(self, num_images: int) -> None:
        """Pass on to an algorithm that depends on its dataset."""
        if hasattr(self.algorithm, 'check_dataset'):
            self.algorithm.check_dataset(num_images)


def build_algorithm(algorithm: dict[str, Any] | nn.Module) -> Any:
    """Build the wrapped algorithm.

    Raises:
        ValueError: this project and mmpretrain both have one of that name.
    """
    if isinstance(algorithm, nn.Module):
        return algorithm
    name = algorithm['type']
    if name in MODELS.module_dict and name in MMPRETRAIN_MODELS.module_dict:
        raise ValueError(
            f"CrossLevel: type='{name}' is ambiguous; write 'mmpretrain.{name}' for "
            f"mmpretrain's. cld_mm's {name} needs no CrossLevel: use it as the model, "
            'with cld=dict(...).'
        )
    return MODELS.build(algorithm)


def _joined(call: Call) -> tuple[Tensor, Tensor]:
    """Keys and pooled features of a call.

    With shuffled BatchNorm a momentum encoder gets images of other ranks, so those
    calls are gathered from all ranks.
    """
    keys, features = image_keys(call.images), pooled(call.features)
    if not call.online and world_size() > 1:
        keys, features = gather(keys), gather(features)
    return keys, features


def _copies(algorithm: nn.Module, backbone: nn.Module) -> list[nn.Module]:
    """Momentum encoders: copies of the backbone inside the algorithm."""
    own = set(backbone.modules())
    return [
        m for m in algorithm.modules() if type(m) is type(backbone) and m not in own
    ]
