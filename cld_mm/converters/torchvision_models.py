"""torchvision's model for a backbone of mmpretrain's."""

from collections.abc import Callable
from typing import Any

from torch import nn

from .counterparts import Counterpart

RESNETS = {18: 'resnet18', 34: 'resnet34', 50: 'resnet50', 101: 'resnet101'}
RESNETS[152] = 'resnet152'
RESNEXTS = {(50, 32, 4): 'resnext50_32x4d', (101, 32, 8): 'resnext101_32x8d'}
VITS = {(768, 12): 'vit_b', (1024, 24): 'vit_l', (1280, 32): 'vit_h'}


def torchvision_counterpart(
    module: nn.Module, config: dict[str, Any]
) -> Counterpart | None:
    """torchvision's implementation of a backbone; None where none is known.

    Args:
        module: the backbone.
        config: its config.
    """
    for kind in type(module).__mro__:
        if kind.__name__ in FAMILIES:
            return FAMILIES[kind.__name__](module, config)
    return None


def _replaced(*path: str) -> dict[str, Any]:
    """The classifier at this path made an identity, in Python and as code."""
    *parents, last = path

    def replace(model: nn.Module) -> None:
        parent = model.get_submodule('.'.join(parents))
        setattr(parent, last, nn.Identity())

    code = '.'.join(path)
    if last.isdigit():
        code = f'{".".join(parents)}[{last}]'
    return {'headless': replace, 'head': f'\nmodel.{code} = torch.nn.Identity()'}


def _resnet(module: Any, config: dict[str, Any]) -> Counterpart | None:
    groups = getattr(module, 'groups', 1)
    name = RESNETS.get(module.depth)
    if groups != 1:
        name = RESNEXTS.get((module.depth, groups, module.width_per_group))
    return Counterpart('torchvision', name, **_replaced('fc')) if name else None


def _vit(module: Any, config: dict[str, Any]) -> Counterpart | None:
    patch = module.patch_embed.projection.stride[0]
    name = VITS.get((module.embed_dims, len(module.layers)))
    size = module.patch_embed.init_out_size[0] * patch
    settings = {} if size == 224 else {'image_size': size}
    if name is None or (patch not in (16, 32) and name != 'vit_h'):
        return None
    return Counterpart('torchvision', f'{name}_{patch}', settings, **_replaced('heads'))


def _convnext(module: Any, config: dict[str, Any]) -> Counterpart | None:
    known = {(96, 9): 'tiny', (96, 27): 'small', (128, 27): 'base', (192, 27): 'large'}
    size = known.get((module.channels[0], len(module.stages[2])))
    head = _replaced('classifier', '2')
    return Counterpart('torchvision', f'convnext_{size}', **head) if size else None


def _swin(module: Any, config: dict[str, Any]) -> Counterpart | None:
    known = {(96, 6): 't', (96, 18): 's', (128, 18): 'b'}
    size = known.get((module.embed_dims, module.depths[2]))
    head = _replaced('head')
    return Counterpart('torchvision', f'swin_{size}', **head) if size else None


def _mobilenet_v2(module: Any, config: dict[str, Any]) -> Counterpart:
    settings = {} if module.widen_factor == 1 else {'width_mult': module.widen_factor}
    head = _replaced('classifier')
    return Counterpart('torchvision', 'mobilenet_v2', settings, **head)


def _mobilenet_v3(module: Any, config: dict[str, Any]) -> Counterpart | None:
    name = f'mobilenet_v3_{module.arch}'
    known = module.arch in ('small', 'large')
    head = _replaced('classifier')
    return Counterpart('torchvision', name, **head) if known else None


FAMILIES: dict[str, Callable[[Any, dict[str, Any]], Counterpart | None]] = {
    'ResNet_CIFAR': lambda module, config: None,
    'ResNet': _resnet,
    'VisionTransformer': _vit,
    'ConvNeXt': _convnext,
    'SwinTransformer': _swin,
    'MobileNetV2': _mobilenet_v2,
    'MobileNetV3': _mobilenet_v3,
}
