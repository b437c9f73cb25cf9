"""Models of the methods that ``cldmm pretrain`` knows, for any backbone.

Loss weights and temperatures are those of the recipes in configs/.
"""

from dataclasses import dataclass
from typing import Any

from .backbones import UnknownName

MEAN, STD = (123.675, 116.28, 103.53), (58.395, 57.12, 57.375)


@dataclass
class Method:
    """How one method is trained.

    Attributes:
        name: without '-cld'.
        loss_weight, temperature: λ and T of CLD.
        rate: learning rate of SGD for 256 images.
        views: images' views per step, without CLD and with it.
        warmup: whether the learning rate warms up.
    """

    name: str
    loss_weight: float
    temperature: float
    rate: float
    views: tuple[int, int] = (2, 2)
    warmup: bool = False


METHODS = {
    'mocov2': Method('mocov2', 0.25, 0.4, 0.06, views=(2, 3)),
    'npid': Method('npid', 1.0, 0.2, 0.06),
    'byol': Method('byol', 0.25, 0.4, 0.1, warmup=True),
    'infomin': Method('infomin', 0.25, 0.8, 0.06, views=(2, 3)),
    'simclr': Method('simclr', 0.5, 0.2, 0.12, warmup=True),
    'simsiam': Method('simsiam', 0.25, 0.4, 0.05, warmup=True),
}
NAMES = [f'{name}{end}' for name in METHODS for end in ('-cld', '')]


def find_method(name: str) -> tuple[Method, bool]:
    """The method of a name such as 'mocov2-cld', and whether it has CLD.

    Raises:
        UnknownName: there is none; the nearest names are suggested.
    """
    wanted = name.lower().replace('_', '-')
    if wanted not in NAMES:
        raise UnknownName('method', name, NAMES)
    return METHODS[wanted.removesuffix('-cld')], wanted.endswith('-cld')


def method_model(
    name: str,
    backbone: dict[str, Any],
    channels: int,
    num_images: int,
    queue_len: int,
    num_groups: int,
    gather: bool,
    momentum: float,
    size: int,
    in_channels: int = 3,
) -> dict[str, Any]:
    """Config of the model.

    Args:
        name: of the method.
        backbone: its config.
        channels: size of the backbone's pooled feature.
        num_images: of the training set.
        queue_len: of MoCo's and InfoMin's queue.
        num_groups: K.
        gather: group the images of all ranks together.
        momentum: weight of the new parameters in the EMA encoder.
        size: side of the images.
        in_channels: bands of the images.
    """
    method, with_cld = find_method(name)
    cld: dict[str, Any] = {
        'type': 'CLDHead',
        'loss_weight': method.loss_weight,
        'gather': gather,
        'grouping': {'type': 'KMeansGrouping', 'num_groups': num_groups},
        'loss': {'type': 'CLDLoss', 'temperature': method.temperature},
    }
    shared = {'data_preprocessor': preprocessor(in_channels), 'backbone': backbone}
    projection = 'LinearProjectionNeck' if method.name == 'npid' else 'NormMLP'
    neck: dict[str, Any] = {'type': 'TwoBranchNeck', 'projection': projection}
    if not with_cld:
        neck = {'type': 'LinearProjectionNeck' if method.name == 'npid' else 'MLP'}
    neck = {**neck, 'in_channels': channels, 'out_channels': 128}
    if method.name in ('mocov2', 'infomin'):
        queue = {'queue_len': queue_len, 'feat_dim': 128, 'momentum': momentum}
        head = {'type': 'InfoNCEHead', 'temperature': 0.2}
        model = {'type': 'MoCo', **shared, **queue, 'neck': neck, 'head': head}
        if method.name == 'infomin':
            model |= _jigsaw(channels)
    elif method.name == 'npid':
        bank = {'num_images': num_images, 'temperature': 0.1, 'feat_dim': 128}
        model = {'type': 'NPID', **shared, **bank, 'neck': neck}
    elif method.name == 'byol':
        model = {'type': 'BYOL', **shared, **_byol(channels, momentum, with_cld)}
    else:
        algorithm = {**shared, **_two_view(method.name, channels)}
        if not with_cld:
            return algorithm
        group = {'type': 'NormMLP', 'out_channels': 128, 'in_channels': channels}
        return {
            'type': 'CrossLevel',
            'algorithm': algorithm,
            'neck': group,
            'cld': cld,
        }
    return {**model, 'cld': cld} if with_cld else model


def jigsaw_sizes(size: int) -> tuple[int, int]:
    """Side of InfoMin's jigsaw crop and of its patches, multiples of 16 if possible.

    The recipe's are a crop of 255 pixels, and patches of 64 of its cells of 85.
    """
    cell = max(3, round(85 * size / 224))
    patch = max(2, round(64 * size / 224))
    if size >= 112:
        patch = patch // 16 * 16
    return 3 * cell, patch


def preprocessor(in_channels: int = 3) -> dict[str, Any]:
    """ImageNet's normalization, as other libraries expect it of a backbone.

    Other bands than RGB are shifted and scaled to -1 to 1.
    """
    if in_channels != 3:
        middle = [127.5]  # mmengine takes one number for all channels, or three
        return {'type': 'ViewsPreprocessor', 'mean': middle, 'std': middle}
    return {'type': 'ViewsPreprocessor', 'mean': MEAN, 'std': STD, 'to_rgb': True}


def _jigsaw(channels: int) -> dict[str, Any]:
    sizes = {'in_channels': channels, 'out_channels': 128}
    return {
        'type': 'InfoMin',
        'head': {'type': 'InfoNCEHead', 'temperature': 0.15},
        'jigsaw': {'type': 'JigsawNeck', 'projection': 'MLP', **sizes},
        'jigsaw_weight': 0.5,
    }


def _mlp(channels: int, hidden: int, out: int, last_bn: bool) -> dict[str, Any]:
    return {
        'type': 'PooledNonLinearNeck',
        'in_channels': channels,
        'hid_channels': hidden,
        'out_channels': out,
        'num_layers': 2,
        'with_last_bn': last_bn,
    }


def _byol(channels: int, momentum: float, with_cld: bool) -> dict[str, Any]:
    hidden = 1024
    neck = _mlp(channels, hidden, 256, False)
    if with_cld:
        neck = {
            'type': 'TwoBranchNonLinearNeck',
            'projection': 'NormLinearNeck',
            'in_channels': channels,
            'hid_channels': hidden,
            'out_channels': 256,
            'group_channels': 128,
        }
    loss = {'type': 'CosineSimilarityLoss', 'shift_factor': 2.0, 'scale_factor': 2.0}
    predictor = _mlp(256, hidden, 256, False)
    head = {'type': 'LatentPredictHead', 'loss': loss, 'predictor': predictor}
    ema = {'momentum': max(momentum, 0.004), 'end_momentum': 0.0}
    return {**ema, 'neck': neck, 'head': head}


def _two_view(name: str, channels: int) -> dict[str, Any]:
    if name == 'simclr':
        loss = {'type': 'CrossEntropyLoss'}
        head = {'type': 'ContrastiveHead', 'loss': loss, 'temperature': 0.2}
        neck = _mlp(channels, channels, 128, True)
        return {'type': 'mmpretrain.SimCLR', 'neck': neck, 'head': head}
    predictor = {
        **_mlp(2048, 512, 2048, False),
        'with_last_bias': True,
    }
    loss = {'type': 'CosineSimilarityLoss'}
    head = {'type': 'LatentPredictHead', 'loss': loss, 'predictor': predictor}
    neck = {**_mlp(channels, 2048, 2048, True), 'num_layers': 3}
    neck |= {'with_last_bn_affine': False, 'with_last_bias': False}
    return {'type': 'mmpretrain.SimSiam', 'neck': neck, 'head': head}
