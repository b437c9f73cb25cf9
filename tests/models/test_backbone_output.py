"""Backbones of any kind: the size and layout of their output are found."""

from typing import Any

import pytest
import torch
from torch import nn

from cld_mm.models.layers import pooled
from cld_mm.models.necks import TwoBranchNeck
from cld_mm.models.utils.backbone_output import feature_size, standardize_output
from cld_mm.registry import MODELS

VIT = {'type': 'VisionTransformer', 'img_size': 32, 'patch_size': 8}
VIT['arch'] = {
    'embed_dims': 24, 'num_layers': 1, 'num_heads': 2, 'feedforward_channels': 8
}  # fmt: skip
TIMM = {'type': 'TIMMBackbone', 'pretrained': False, 'img_size': 32}
TIMM |= {'embed_dim': 24, 'depth': 1, 'num_heads': 2, 'patch_size': 8}
BACKBONES: dict[str, tuple[dict[str, Any], int]] = {
    'ResNet': ({'type': 'ResNet', 'depth': 18, 'base_channels': 4}, 32),
    'bottlenecks': ({'type': 'ResNet_CIFAR', 'depth': 50, 'base_channels': 4}, 128),
    'gray': ({'type': 'ResNet_CIFAR', 'depth': 18, 'in_channels': 1}, 512),
    'MobileNet': ({'type': 'MobileNetV2', 'widen_factor': 0.1}, 1280),
    'ViT, class token': (VIT, 24),
    'ViT, all tokens': ({**VIT, 'out_type': 'raw'}, 24),
    'ViT, map': ({**VIT, 'out_type': 'featmap'}, 24),
    'ViT, mean': ({**VIT, 'out_type': 'avg_featmap'}, 24),
    'timm ViT': ({**TIMM, 'model_name': 'vit_tiny_patch16_224'}, 24),
}


def build(name: str) -> nn.Module:
    pytest.importorskip('timm')
    torch.manual_seed(0)
    backbone = MODELS.build(BACKBONES[name][0])
    backbone.init_weights()
    standardize_output(backbone)
    return backbone


def images_for(name: str) -> torch.Tensor:
    return torch.randn(2, 1 if name == 'gray' else 3, 32, 32)


@pytest.mark.parametrize('name', BACKBONES)
def test_size_is_that_of_the_pooled_feature(name: str) -> None:
    backbone = build(name)
    state = {key: value.clone() for key, value in backbone.state_dict().items()}
    size = feature_size(backbone)
    assert size == BACKBONES[name][1]
    assert pooled(backbone(images_for(name))).shape == (2, size)
    backbone.load_state_dict(state)
    assert all(module.training for module in backbone.modules())


def test_measuring_changes_no_statistics_and_no_random_state() -> None:
    backbone = build('ResNet')
    before = {key: value.clone() for key, value in backbone.state_dict().items()}
    random = torch.get_rng_state()
    feature_size(backbone)
    assert torch.equal(random, torch.get_rng_state())
    after = backbone.state_dict()
    assert all(torch.equal(before[key], after[key]) for key in before)


@pytest.mark.parametrize('name', ['ViT, all tokens', 'timm ViT'])
def test_tokens_become_the_class_token(name: str) -> None:
    backbone = build(name)
    backbone.train(False)  # timm's returns None
    backbone._forward_hooks.clear()
    images = images_for(name)
    tokens = backbone(images)[-1]
    assert tokens.shape == (2, 17, 24)
    standardize_output(backbone)
    assert torch.equal(backbone(images)[-1], tokens[:, 0])


class OtherTokens(nn.Module):
    """Tokens without a class token, and two registers."""

    has_class_token, num_prefix_tokens = False, 2

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x


class ChannelsLast(nn.Module):
    output_fmt = 'NHWC'

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x


def test_tokens_without_a_class_token_are_averaged() -> None:
    backbone, x = OtherTokens(), torch.randn(3, 7, 5)
    standardize_output(backbone)
    torch.testing.assert_close(backbone(x), x[:, 2:].mean(dim=1))


def test_maps_with_the_channels_last_are_turned() -> None:
    backbone, x = ChannelsLast(), torch.randn(3, 4, 6, 5)
    standardize_output(backbone)
    torch.testing.assert_close(pooled(backbone(x)), x.mean(dim=(1, 2)))


def test_a_neck_of_another_size_names_the_setting() -> None:
    with pytest.raises(ValueError, match='in_channels of TwoBranchNeck is 5'):
        TwoBranchNeck(5, 4)(torch.randn(2, 6))


@pytest.mark.parametrize('name', BACKBONES)
def test_algorithms_infer_the_size_and_take_two_branches_with_cld(name: str) -> None:
    model = MODELS.build(
        {
            'type': 'MoCo',
            'backbone': BACKBONES[name][0],
            'neck': {'type': 'NormMLP', 'out_channels': 8},
            'head': {'type': 'InfoNCEHead'},
            'cld': {'grouping': {'num_groups': 2}},
            'queue_len': 8,
            'feat_dim': 8,
        }
    )
    assert isinstance(model.neck, TwoBranchNeck)
    assert model.num_queries == 2
    losses = model.loss([images_for(name) for _ in range(3)])
    assert losses['loss_cld'].isfinite()
