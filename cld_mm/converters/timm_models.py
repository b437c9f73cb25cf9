"""timm's model for a backbone of mmpretrain's."""

from collections.abc import Callable
from typing import Any

from torch import nn

from .counterparts import Counterpart

# Width, depth and heads of the models that timm has by name.
VITS = {
    (192, 12, 3): 'vit_tiny_patch16_224',
    (384, 12, 6): 'vit_small_patch16_224',
    (768, 12, 12): 'vit_base_patch16_224',
    (1024, 24, 16): 'vit_large_patch16_224',
}
# First width and depths.
CONVNEXTS = {
    (96, (3, 3, 9, 3)): 'tiny',
    (96, (3, 3, 27, 3)): 'small',
    (128, (3, 3, 27, 3)): 'base',
    (192, (3, 3, 27, 3)): 'large',
}
SWINS = {
    (96, (2, 2, 6, 2), (3, 6, 12, 24)): 'tiny',
    (96, (2, 2, 18, 2), (3, 6, 12, 24)): 'small',
    (128, (2, 2, 18, 2), (4, 8, 16, 32)): 'base',
    (192, (2, 2, 18, 2), (6, 12, 24, 48)): 'large',
}
NEXTS: tuple[str, ...] = ('resnext50_32x4d', 'resnext101_32x4d', 'resnext101_32x8d')
NEXTS += ('seresnext50_32x4d', 'seresnext101_32x4d', 'seresnext101_32x8d')


def timm_counterpart(module: nn.Module, config: dict[str, Any]) -> Counterpart | None:
    """timm's implementation of a backbone; None where none is known.

    Args:
        module: the backbone.
        config: its config.
    """
    if hasattr(module, 'timm_model'):
        return _timm_backbone(module, config)
    for kind in type(module).__mro__:
        if kind.__name__ in FAMILIES:
            found = FAMILIES[kind.__name__](module, config)
            if found is not None:
                channels = config.get('in_channels', 3)
                found.settings |= {} if channels == 3 else {'in_chans': channels}
            return found
    return None


def _timm_backbone(module: Any, config: dict[str, Any]) -> Counterpart:
    own = ('type', 'model_name', 'in_channels', 'pretrained', 'features_only')
    settings = {k: v for k, v in config.items() if k not in (*own, 'checkpoint_path')}
    if config.get('in_channels', 3) != 3:
        settings['in_chans'] = config['in_channels']
    if config.get('features_only'):
        settings['features_only'] = True
    else:
        settings['num_classes'] = 0
    return Counterpart('timm', config['model_name'], settings)


def _resnet(module: Any, config: dict[str, Any]) -> Counterpart:
    settings: dict[str, Any] = {'num_classes': 0}
    kind = 'seresnet' if type(module).__name__.startswith('SE') else 'resnet'
    name = f'{kind}{module.depth}'
    groups = getattr(module, 'groups', 1)
    if groups != 1:
        settings |= {'cardinality': groups, 'base_width': module.width_per_group}
        known = f'{kind[:-1]}xt{module.depth}_{groups}x{module.width_per_group}d'
        if known in NEXTS:
            name, settings = known, {'num_classes': 0}
    deep, averaged = module.deep_stem, module.avg_down
    if deep and averaged and name in ('resnet18', 'resnet34', 'resnet50', 'resnet101'):
        name += 'd'
    elif deep or averaged:
        if deep:
            settings |= {'stem_type': 'deep', 'stem_width': module.stem_channels // 2}
        settings |= {'avg_down': True} if averaged else {}
    base = module.base_channels
    if base != 64:
        settings['channels'] = tuple(base * 2**stage for stage in range(4))
    if not deep and module.stem_channels != 64:
        settings['stem_width'] = module.stem_channels
    return Counterpart('timm', name, settings)


def _vit(module: Any, config: dict[str, Any]) -> Counterpart:
    layer = module.layers[0]
    width, patch = module.embed_dims, module.patch_embed.projection.stride[0]
    shape = (width, len(module.layers), layer.attn.num_heads)
    settings: dict[str, Any] = {'num_classes': 0}
    if shape not in VITS:
        settings |= dict(zip(('embed_dim', 'depth', 'num_heads'), shape, strict=True))
    size = module.patch_embed.init_out_size[0] * patch
    ratio = layer.ffn.feedforward_channels / width
    layer_scale = getattr(layer.attn, 'gamma1', nn.Identity())
    averaged = module.out_type == 'avg_featmap'
    for name, value, default in (
        ('img_size', size, 224),
        ('patch_size', patch, 16),
        ('mlp_ratio', ratio, 4),
        ('qkv_bias', layer.attn.qkv.bias is not None, True),
        ('class_token', module.cls_token is not None, True),
        ('pre_norm', not isinstance(module.pre_norm, nn.Identity), False),
        ('init_values', None if isinstance(layer_scale, nn.Identity) else 1e-5, None),
        ('global_pool', 'avg' if averaged else 'token', 'token'),
    ):
        if value != default:
            settings[name] = value
    return Counterpart('timm', VITS.get(shape, 'vit_base_patch16_224'), settings)


def _convnext(module: Any, config: dict[str, Any]) -> Counterpart:
    depths, widths = tuple(module.depths), tuple(module.channels)
    version = 'v2' if config.get('use_grn') else ''
    size = CONVNEXTS.get((widths[0], depths))
    settings: dict[str, Any] = {'num_classes': 0}
    if size is None:
        size = 'base'
        settings |= {'depths': depths, 'dims': widths}
    return Counterpart('timm', f'convnext{version}_{size}', settings)


def _swin(module: Any, config: dict[str, Any]) -> Counterpart:
    patch = module.patch_embed.projection.stride[0]
    window = config.get('window_size', 7)
    image = module.patch_resolution[0] * patch
    depths, heads = tuple(module.depths), tuple(module.num_heads)
    size = SWINS.get((module.embed_dims, depths, heads))
    settings: dict[str, Any] = {'num_classes': 0}
    settings |= {} if image == 224 else {'img_size': image}
    settings |= {} if patch == 4 else {'patch_size': patch}
    settings |= {} if window == 7 else {'window_size': window}
    if size is None:
        size = 'base'
        settings |= {
            'embed_dim': module.embed_dims,
            'depths': depths,
            'num_heads': heads,
        }
    return Counterpart('timm', f'swin_{size}_patch4_window7_224', settings)


def _mobilenet_v2(module: Any, config: dict[str, Any]) -> Counterpart | None:
    known = {0.5: '050', 1.0: '100', 1.4: '140'}
    factor = known.get(float(module.widen_factor))
    name = f'mobilenetv2_{factor}'
    return Counterpart('timm', name, {'num_classes': 0}) if factor else None


def _mobilenet_v3(module: Any, config: dict[str, Any]) -> Counterpart:
    # Its last layer follows the pooling, so mmpretrain has it in the classifier.
    settings = {'features_only': True, 'out_indices': (4,), 'bn_eps': 1e-3}
    size = {'small': 'small_100', 'large': 'large_100'}.get(module.arch, 'small_050')
    return Counterpart('timm', f'mobilenetv3_{size}', settings)


def _efficientnet(module: Any, config: dict[str, Any]) -> Counterpart:
    arch = config.get('arch', 'b0')
    return Counterpart('timm', f'tf_efficientnet_{arch}', {'num_classes': 0})


FAMILIES: dict[str, Callable[[Any, dict[str, Any]], Counterpart | None]] = {
    'ResNet_CIFAR': lambda module, config: None,
    'ResNet': _resnet,
    'VisionTransformer': _vit,
    'ConvNeXt': _convnext,
    'SwinTransformer': _swin,
    'MobileNetV2': _mobilenet_v2,
    'MobileNetV3': _mobilenet_v3,
    'EfficientNet': _efficientnet,
}
