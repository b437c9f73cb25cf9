"""Models of the methods of ``cldmm pretrain``, for any backbone."""

from typing import Any

from .methods import find_method
from .plan import Plan

MEAN, STD = (123.675, 116.28, 103.53), (58.395, 57.12, 57.375)


def method_model(plan: Plan) -> dict[str, Any]:
    """Config of the model: the plan's method on its backbone."""
    method, with_cld = find_method(plan.method)
    channels = plan.channels
    cld: dict[str, Any] = {
        'type': 'CLDHead',
        'loss_weight': method.loss_weight,
        'gather': plan.devices > 1,
        'grouping': {'type': 'KMeansGrouping', 'num_groups': plan.num_groups},
        'loss': {'type': 'CLDLoss', 'temperature': method.temperature},
    }
    shared = {
        'data_preprocessor': preprocessor(plan.in_channels),
        'backbone': plan.backbone_cfg(),
    }
    projection = 'LinearProjectionNeck' if method.name == 'npid' else 'NormMLP'
    neck: dict[str, Any] = {'type': 'TwoBranchNeck', 'projection': projection}
    if not with_cld:
        neck = {'type': 'LinearProjectionNeck' if method.name == 'npid' else 'MLP'}
    neck = {**neck, 'in_channels': channels, 'out_channels': 128}
    if method.name in ('mocov2', 'infomin'):
        queue = {
            'queue_len': plan.queue_len,
            'feat_dim': 128,
            'momentum': plan.momentum,
        }
        head = {'type': 'InfoNCEHead', 'temperature': 0.2}
        model = {'type': 'MoCo', **shared, **queue, 'neck': neck, 'head': head}
        if method.name == 'infomin':
            model |= _jigsaw(channels)
    elif method.name == 'npid':
        bank = {'num_images': plan.num_images, 'temperature': 0.1, 'feat_dim': 128}
        model = {'type': 'NPID', **shared, **bank, 'neck': neck}
    elif method.name == 'byol':
        model = {'type': 'BYOL', **shared, **_byol(channels, plan.momentum, with_cld)}
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


def preprocessor(in_channels: int) -> dict[str, Any]:
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
