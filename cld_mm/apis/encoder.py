"""init_model: a trained backbone that turns images into features."""

import copy
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from .pretraining.method_models import MEAN, STD


class Encoder(nn.Module):
    """A backbone with the normalization that it was trained with.

    Attributes:
        backbone: the network.
        size: side of the images that it was trained on.
        in_channels: 3 for RGB, 1 for gray, or the number of bands.
        backbone_config: builds the network anew.
        value_range: black and white of the images of more than 8 bits that it was
            trained on; None for others.
    """

    mean: Tensor
    std: Tensor

    def __init__(
        self,
        backbone: nn.Module,
        backbone_config: Mapping[str, Any],
        size: int,
        in_channels: int = 3,
        mean: tuple[float, ...] = MEAN,
        std: tuple[float, ...] = STD,
        bgr: bool = False,
        value_range: tuple[float, float] | None = None,
    ) -> None:
        super().__init__()
        self.backbone = backbone
        self.backbone_config = dict(backbone_config)
        self.size = size
        self.in_channels = in_channels
        self.bgr = bgr
        self.value_range = value_range
        self.register_buffer('mean', torch.tensor(mean).view(-1, 1, 1))
        self.register_buffer('std', torch.tensor(std).view(-1, 1, 1))

    def forward(self, images: Tensor) -> Tensor:
        """Pooled features ``(N, D)`` of ``(N, C, H, W)`` RGB images, 0 to 255."""
        from cld_mm.models.layers import pooled

        images = images.to(self.mean.device).float()
        images = images.flip(1) if self.bgr else images
        return pooled(self.backbone((images - self.mean) / self.std)).float()


def init_model(
    config: str | Path | Mapping[str, Any],
    checkpoint: str | Path | None = None,
    size: int | None = None,
    device: str | torch.device | None = None,
) -> Encoder:
    """A trained backbone on the best device, in eval mode.

    Args:
        config: a run's folder or checkpoint; or a config file or dict with
            ``checkpoint``; or the name of a released model
            ('npid-cld-r18-cifar10-small'); or that of a backbone ('resnet50', any of
            mmpretrain or timm) with weights of any project as ``checkpoint``.
        checkpoint: weights; None leaves a named backbone random.
        size: side of the images; by default that of training.
        device: where it runs.

    Raises:
        FileNotFoundError: there is no such config or checkpoint.
        ValueError: the weights do not fit, or no backbone has this name.

    Example:
        >>> model = init_model('pretrained/photos')
        >>> features = embed(model, 'photos/').features
    """
    from mmengine.device import get_device

    import cld_mm.registry  # noqa: F401

    model = _build(config, checkpoint, size)
    model.to(device or get_device()).eval()
    return model


def _build(config: Any, checkpoint: Any, size: int | None) -> Encoder:
    from cld_mm.fileio.releases import released_checkpoint

    from .runs import find_checkpoint

    if isinstance(config, Mapping):
        return _from_run(find_checkpoint(checkpoint), dict(config), size)
    path = Path(config).expanduser()
    if path.suffix in ('.py', '.json', '.yaml', '.yml'):
        from mmengine.config import Config

        if not path.is_file():
            raise FileNotFoundError(f'the config {path} does not exist.')
        if checkpoint is None:
            raise ValueError('a config needs a checkpoint with the trained weights.')
        found = find_checkpoint(checkpoint)
        return _from_run(found, Config.fromfile(path).to_dict(), size)
    if checkpoint is None and path.exists():
        return _from_run(find_checkpoint(path), None, size)
    if checkpoint is None and len(path.parts) > 1:
        raise FileNotFoundError(f'the checkpoint {path} does not exist.')
    if checkpoint is None and (released := released_checkpoint(str(config))):
        return _from_run(released, None, size)
    return _from_name(str(config), checkpoint, size)


def _from_run(
    checkpoint: Path, config: dict[str, Any] | None, size: int | None
) -> Encoder:
    from cld_mm.converters.saved_config import view_size
    from cld_mm.converters.source_backbone import load_source

    source = load_source(checkpoint, config)
    config = source.run_config
    model = config.get('model') or {}
    preprocessor = model.get('algorithm', model).get('data_preprocessor') or {}
    channels = source.in_channels
    middle = () if channels == 3 else (127.5,)
    return Encoder(
        source.module,
        source.config,
        size or view_size(config) or 224,
        channels,
        tuple(source.mean or middle or MEAN),
        tuple(source.std or middle or STD),
        bgr=bool(source.mean) and channels == 3 and not preprocessor.get('to_rgb'),
        value_range=source.value_range,
    )


def _from_name(name: str, weights: Any, size: int | None) -> Encoder:
    from cld_mm.converters.source_backbone import build_backbone
    from cld_mm.fileio.weight_files import read_weights
    from cld_mm.fileio.weight_loading import load_weights

    from .pretraining.backbones import UnknownName, backbone_config

    try:
        config = backbone_config(name, size or 224)
    except UnknownName as error:
        if weights is not None:
            raise
        raise ValueError(
            f'{name} is no run, no checkpoint and no released model; {error}'
        ) from error
    backbone = build_backbone(config)
    if weights is not None:
        load_weights(backbone, read_weights(weights), str(weights))
    else:
        initialize(backbone)
    return Encoder(backbone, config, size or 224)


def same_network(model: Encoder, weights: str | Path | None, seed: int = 0) -> Encoder:
    """The same network with random weights, or with those of a checkpoint.

    Args:
        model: gives network, image size and normalization.
        weights: of this or another project; None for random ones.
        seed: of these.

    Raises:
        ValueError: the weights do not fit.
    """
    from cld_mm.converters.source_backbone import build_backbone
    from cld_mm.fileio.weight_files import read_weights
    from cld_mm.fileio.weight_loading import load_weights

    from .runs import find_checkpoint

    torch.manual_seed(seed)
    other = copy.deepcopy(model)
    other.backbone = build_backbone(model.backbone_config)
    other.backbone.to(model.mean.device).eval()
    if weights is not None:
        is_run = Path(weights).is_dir() and not any(Path(weights).glob('*.safetensors'))
        path = find_checkpoint(weights) if is_run else Path(weights)
        load_weights(other.backbone, read_weights(path), str(path))
    else:
        initialize(other.backbone)
    return other


def initialize(backbone: Any) -> None:
    """Random weights as at the start of training, without mmengine's long log."""
    import logging

    logger = logging.getLogger('mmengine')
    disabled, logger.disabled = logger.disabled, True
    try:
        backbone.init_weights()
    finally:
        logger.disabled = disabled
