"""Models small enough for unit tests."""

from typing import Any

import torch
from mmpretrain.structures import DataSample
from torch import nn

from cld_mm.registry import MODELS

CLD = {
    'grouping': {'num_groups': 3, 'num_iters': 3},
    'loss': {'temperature': 0.4},
    'loss_weight': 0.25,
}


def tiny_moco(cld: dict | None = None, **settings: Any) -> nn.Module:
    """A MoCo with a ResNet-18 of width 4 for 3×8×8 images."""
    neck = {'type': 'TwoBranchNeck' if cld else 'NormMLP', 'in_channels': 32}
    config = {
        'type': 'MoCo',
        'backbone': {
            'type': 'ResNet_CIFAR',
            'depth': 18,
            'stem_channels': 4,
            'base_channels': 4,
            'zero_init_residual': False,
        },
        'neck': {**neck, 'out_channels': 8},
        'head': {'type': 'InfoNCEHead', 'temperature': 0.2},
        'cld': cld,
        'queue_len': 20,
        'feat_dim': 8,
        'momentum': 0.1,
        **settings,
    }
    torch.manual_seed(0)
    return MODELS.build(config)


def tiny_npid(**settings: Any) -> nn.Module:
    torch.manual_seed(0)
    return MODELS.build(
        {
            'type': 'NPID',
            'backbone': tiny_moco().backbone,
            'neck': {'type': 'TwoBranchNeck', 'in_channels': 32, 'out_channels': 8},
            'num_images': 30,
            'feat_dim': 8,
            'cld': CLD,
            **settings,
        }
    )


def tiny_byol(cld: Any = None, size: int = 32, hidden: int = 16, out: int = 8) -> dict:
    def nonlinear(size: Any, pool: Any) -> dict:
        return {
            'type': 'NonLinearNeck',
            'in_channels': size,
            'hid_channels': hidden,
            'out_channels': out,
            'num_layers': 2,
            'with_last_bn': False,
            'with_avg_pool': pool,
        }

    neck = nonlinear(size, True)
    if cld:
        neck = {
            'type': 'TwoBranchNonLinearNeck',
            'in_channels': size,
            'hid_channels': hidden,
            'out_channels': out,
            'group_channels': 8,
        }
    return {
        'backbone': {
            'type': 'ResNet_CIFAR',
            'depth': 18,
            'stem_channels': 4,
            'base_channels': 4,
        },
        'neck': neck,
        'head': {
            'type': 'LatentPredictHead',
            'predictor': nonlinear(out, False),
            'loss': {
                'type': 'CosineSimilarityLoss',
                'shift_factor': 2.0,
                'scale_factor': 2.0,
            },
        },
    }


def numbered_samples(n: Any) -> list:
    made = [DataSample() for _ in range(n)]
    for i, sample in enumerate(made):
        sample.set_field(i, 'sample_idx', field_type='metainfo')
    return made


def tiny_algorithm(name: str, cld: Any) -> Any:
    if name == 'MoCo':
        return tiny_moco(cld, queue_len=701)
    moco = tiny_moco(cld)
    backbone = {'type': 'ResNet_CIFAR', 'depth': 18}
    backbone |= {'stem_channels': 4, 'base_channels': 4}
    neck = {'type': 'TwoBranchNeck' if cld else 'NormMLP', 'in_channels': 32}
    neck['out_channels'] = 8
    if name.startswith('NPID'):
        del moco
        return MODELS.build(
            {
                'type': 'NPID',
                'backbone': backbone,
                'neck': neck,
                'num_images': 40,
                'feat_dim': 8,
                'num_negatives': 5 if name == 'NPID-NCE' else 0,
                'cld': cld,
            }
        )
    neck = {'in_channels': 32, 'hid_channels': 16, 'out_channels': 8}
    latent = {'type': 'NonLinearNeck', 'with_avg_pool': False, 'num_layers': 2}
    latent |= {'in_channels': 8, 'hid_channels': 16, 'out_channels': 8}
    if cld:
        neck |= {'type': 'TwoBranchNonLinearNeck', 'group_channels': 8}
    else:
        neck |= {'type': 'NonLinearNeck', 'num_layers': 2, 'with_avg_pool': True}
    head = {'type': 'LatentPredictHead', 'predictor': latent}
    head['loss'] = {'type': 'CosineSimilarityLoss'}
    config = {'type': 'BYOL', 'backbone': backbone, 'neck': neck, 'head': head}
    model = MODELS.build({**config, 'cld': cld})
    for encoder in model.momentum_encoders():
        encoder.total_steps = 10
    return model
