"""Models small enough for unit tests."""

from typing import Any

import torch
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
