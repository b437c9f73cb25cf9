"""Backbones by name: short names, mmpretrain's types and model names, timm's models."""

from collections.abc import Callable
from difflib import get_close_matches
from importlib.util import find_spec
from typing import Any

VIT = {'type': 'VisionTransformer'}
SHORT: dict[str, dict[str, Any]] = {
    **{f'resnet{d}': {'type': 'ResNet', 'depth': d} for d in (18, 34, 50, 101, 152)},
    'resnext50': {
        'type': 'ResNeXt',
        'depth': 50,
        'groups': 32,
        'width_per_group': 4,
    },
    'vit-tiny': {**VIT, 'arch': 'deit-tiny', 'patch_size': 16},
    'vit-small': {**VIT, 'arch': 'deit-small', 'patch_size': 16},
    'vit-base': {**VIT, 'arch': 'base', 'patch_size': 16},
    'swin-tiny': {'type': 'SwinTransformer', 'arch': 'tiny', 'pad_small_map': True},
    'convnext-tiny': {'type': 'ConvNeXt', 'arch': 'tiny'},
    'mobilenet-v2': {'type': 'MobileNetV2'},
    'mobilenet-v3': {'type': 'MobileNetV3', 'arch': 'large'},
    'efficientnet-b0': {'type': 'EfficientNet', 'arch': 'b0'},
}
# Images up to this side keep their detail with a 3×3 stem without pooling.
SMALL_IMAGES = 40


class UnknownName(ValueError):
    """A name that is not known; the message has the nearest ones."""

    def __init__(self, kind: str, name: str, known: list[str]) -> None:
        near = get_close_matches(name, list(dict.fromkeys(known)), n=4, cutoff=0.4)
        hint = f'did you mean {", ".join(near)}?' if near else 'see --help.'
        super().__init__(f'unknown {kind} {name!r}: {hint}')


def backbone_config(name: str, size: int, in_channels: int = 3) -> dict[str, Any]:
    """Config of a backbone.

    Args:
        name: such as 'resnet50', 'vit-small', a type or model name of mmpretrain, or a
            model of timm.
        size: side of the images; transformers are built for it.
        in_channels: of the images.

    Raises:
        UnknownName: no library has it; the nearest names are suggested.
    """
    for find in (_short, _mmpretrain_type, _mmpretrain_model, _timm_model):
        config = find(name)
        if config is not None:
            break
    else:
        raise UnknownName('backbone', name, _all_names())
    if config['type'] == 'ResNet' and size <= SMALL_IMAGES and name in SHORT:
        config['type'] = 'ResNet_CIFAR'
    if in_channels != 3:
        config['in_channels'] = in_channels
    return _for_size(config, size)


def _short(name: str) -> dict[str, Any] | None:
    found = SHORT.get(name.lower().replace('_', '-'))
    return dict(found) if found else None


def _mmpretrain_type(name: str) -> dict[str, Any] | None:
    return {'type': name} if name in _types() else None


def _types() -> list[str]:
    from mmpretrain.models import backbones

    return [n for n in backbones.__all__ if not n.startswith('TIMM')]


def _mmpretrain_model(name: str) -> dict[str, Any] | None:
    from mmpretrain.apis import ModelHub, list_models

    if name.lower() not in list_models():
        return None
    backbone = ModelHub.get(name).config.model.get('backbone')
    if backbone is None:
        return None
    return {k: v for k, v in backbone.to_dict().items() if k != 'init_cfg'}


def _timm_model(name: str) -> dict[str, Any] | None:
    if not find_spec('timm'):
        return None
    import timm

    name = name.removeprefix('timm/')
    if timm.is_model(name):
        return {'type': 'TIMMBackbone', 'model_name': name}
    return None


def _all_names() -> list[str]:
    from mmpretrain.apis import list_models

    names = [*SHORT, *_types(), *list_models()]
    if find_spec('timm'):
        import timm

        names += timm.list_models()
    return names


def _for_size(config: dict[str, Any], size: int) -> dict[str, Any]:
    """The config with ``img_size``, where the backbone has such a setting."""
    import inspect

    from cld_mm.registry import MODELS

    if config['type'] == 'TIMMBackbone':
        import timm

        builder: Callable = timm.model_entrypoint(config['model_name'])
        fixed = 'vision_transformer' in builder.__module__ or any(
            word in builder.__module__ for word in ('swin', 'deit', 'eva', 'beit')
        )
        if 'vision_transformer' in builder.__module__:
            # Crops of other sizes, such as a jigsaw's patches, are taken too.
            config['dynamic_img_size'] = True
        return {**config, 'img_size': size} if fixed else config
    kind: Any = MODELS.get(config['type'])
    if 'img_size' in inspect.signature(kind.__init__).parameters:
        config['img_size'] = size
    return config


def is_transformer(config: dict[str, Any]) -> bool:
    """Whether AdamW trains it rather than SGD: transformers and ConvNeXts."""
    name = f'{config["type"]} {config.get("model_name", "")}'.lower()
    words = ('transformer', 'vit', 'swin', 'convnext', 'deit', 'beit', 'mixer', 'eva')
    return any(word in name for word in words)
