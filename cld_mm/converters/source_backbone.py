"""The trained backbone of a checkpoint, rebuilt with its weights."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from cld_mm.fileio.checkpoint_loading import load_safely
from cld_mm.models.layers import pooled
from cld_mm.registry import MODELS

from .saved_config import stored_config

PREFIXES = ('backbone.', 'algorithm.backbone.')
# Blocks per stage of torchvision's ResNets.
DEPTHS = {
    (2, 2, 2, 2): (18, 34),
    (3, 4, 6, 3): (34, 50),
    (3, 4, 23, 3): (101, 101),
    (3, 8, 36, 3): (152, 152),
}


@dataclass
class SourceBackbone:
    """A backbone with trained weights, and what is needed to describe it.

    Attributes:
        module: in eval mode, on the CPU, in float32.
        config: the backbone's config.
        mean, std: of the training images' normalization, in bytes (0 to 255).
        run_config: the config of the run.
        value_range: black and white of the training images of more than 8 bits.
    """

    module: Any
    config: dict[str, Any]
    mean: list[float] = field(default_factory=list)
    std: list[float] = field(default_factory=list)
    run_config: dict[str, Any] = field(default_factory=dict)
    value_range: tuple[float, float] | None = None

    @property
    def in_channels(self) -> int:
        """Channels of the images."""
        weights = [w for w in self.module.parameters() if w.ndim == 4]
        return weights[0].shape[1] if weights else 3

    @property
    def image_size(self) -> int:
        """Side of the images that test the weights."""
        embed: Any = getattr(self.module, 'patch_embed', None)
        if hasattr(embed, 'init_out_size'):  # mmpretrain's transformers
            return int(embed.init_out_size[0] * embed.projection.stride[0])
        timm_model: Any = getattr(self.module, 'timm_model', None)
        if hasattr(timm_model, 'patch_embed'):
            return int(getattr(timm_model.patch_embed, 'img_size', (224,))[0])
        return int(self.config.get('img_size', 64))

    @torch.no_grad()
    def features(self, images: Tensor) -> Tensor:
        """Pooled features ``(N, D)``."""
        return pooled(self.module(images))


def load_source(
    checkpoint: Path, config: dict[str, Any] | None = None
) -> SourceBackbone:
    """Rebuild the backbone of a checkpoint.

    Args:
        checkpoint: a checkpoint of a training run, or a converted released one.
        config: the run's config, for checkpoints that do not hold it.

    Raises:
        FileNotFoundError: there is no such checkpoint.
        ValueError: it has no backbone, or its config is not known or does not fit.
    """
    loaded = load_safely(checkpoint)
    weights = backbone_weights(loaded.get('state_dict', loaded))
    if not weights:
        raise ValueError(
            f'{checkpoint} has no key that begins with "backbone.": give a checkpoint '
            'of a training run.'
        )
    config = dict(config or stored_config(loaded))
    model = config.get('model') or {}
    model = model.get('algorithm', model)
    backbone = model.get('backbone') or guess_resnet(weights)
    if backbone is None:
        raise ValueError(
            f'{checkpoint} does not hold its config: give it with --config.'
        )
    module = build_backbone(backbone)
    try:
        module.load_state_dict(weights)
    except RuntimeError as error:
        lines = str(error).splitlines()
        raise ValueError(
            f'the weights in {checkpoint} do not fit its backbone '
            f'{backbone.get("type")}: {" ".join(lines[1:3]).strip()[:200]}'
        ) from error
    module.float().eval()
    preprocessor = model.get('data_preprocessor') or {}
    dataset = (loaded.get('meta') or {}).get('dataset_meta') or {}
    return SourceBackbone(
        module,
        {key: value for key, value in backbone.items() if key != 'init_cfg'},
        list(preprocessor.get('mean') or ()),
        list(preprocessor.get('std') or ()),
        config,
        dataset.get('value_range'),
    )


def build_backbone(config: dict[str, Any]) -> nn.Module:
    """The backbone of a config, without downloading or loading any weights.

    Raises:
        ValueError: no backbone of that type is registered.
    """
    kind = str(config.get('type', ''))
    if MODELS.get(kind.rpartition('.')[2]) is None or kind.count('.') > 1:
        raise ValueError(f'the backbone {kind!r} is not registered.')
    if not _is_local(config):
        raise ValueError(
            f"the timm model {config['model_name']!r} is not one of timm's own."
        )
    left_out = ('init_cfg', 'pretrained', 'checkpoint_path')
    return MODELS.build({k: v for k, v in config.items() if k not in left_out})


def _is_local(config: dict[str, Any]) -> bool:
    """Whether a backbone is built without fetching files that its name points to."""
    if str(config['type']).rpartition('.')[2] != 'TIMMBackbone':
        return True
    import timm

    return timm.is_model(str(config.get('model_name')))


def backbone_weights(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Weights of the trained backbone without prefix; CrossLevel's has a longer one."""
    for prefix in PREFIXES:
        found = {
            name[len(prefix) :]: value.float() if value.is_floating_point() else value
            for name, value in state.items()
            if name.startswith(prefix)
        }
        if found:
            return found
    return {}


def guess_resnet(weights: dict[str, Tensor]) -> dict[str, Any] | None:
    """Config of a plain ResNet by its keys and shapes; None if it is not one."""
    if 'conv1.weight' not in weights or 'layer1.0.conv1.weight' not in weights:
        return None
    stages = [
        sum(f'layer{stage}.{block}.conv1.weight' in weights for block in range(50))
        for stage in range(1, 5)
    ]
    depths = DEPTHS.get(tuple(stages))  # type: ignore[arg-type]
    if depths is None:
        return None
    kernel = weights['conv1.weight'].shape
    config = {
        'type': 'ResNet' if kernel[-1] == 7 else 'ResNet_CIFAR',
        'depth': depths['layer1.0.conv3.weight' in weights],
    }
    return (
        config
        if kernel[:2] == (64, 3)
        else config
        | {
            'in_channels': kernel[1],
            'stem_channels': kernel[0],
            'base_channels': weights['layer1.0.conv1.weight'].shape[0],
        }
    )
