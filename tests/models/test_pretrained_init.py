"""StrictPretrained: what was loaded stays, although the name is not upstream's."""

from pathlib import Path

import pytest
import torch
from mmengine.registry import DefaultScope

from cld_mm.registry import MODELS

BACKBONES = {
    'ResNet': {'type': 'ResNet', 'depth': 18, 'base_channels': 4},
    'ViT': {
        'type': 'VisionTransformer',
        'img_size': 16,
        'patch_size': 8,
        'arch': {
            'embed_dims': 8, 'num_layers': 1, 'num_heads': 2, 'feedforward_channels': 8
        },
    },
}  # fmt: skip


@pytest.mark.parametrize('name', BACKBONES)
def test_initialization_keeps_what_was_loaded(name: str, tmp_path: Path) -> None:
    source = MODELS.build(BACKBONES[name])
    weights = {k: torch.randn_like(v.float()) for k, v in source.state_dict().items()}
    path = tmp_path / 'weights.pth'
    torch.save({'state_dict': {f'backbone.{k}': v for k, v in weights.items()}}, path)
    init = {'type': 'StrictPretrained', 'checkpoint': str(path)}
    backbone = MODELS.build({**BACKBONES[name], 'init_cfg': init})
    with DefaultScope.overwrite_default_scope('cld_mm'):
        backbone.init_weights()
    for key, value in backbone.named_parameters():
        assert torch.equal(value, weights[key]), key
