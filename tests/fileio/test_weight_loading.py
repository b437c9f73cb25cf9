"""Checkpoints of other projects load into our backbones, or end in a clear error."""

import argparse
from pathlib import Path

import pytest
import torch
import torchvision
from torch import Tensor, nn

from cld_mm.fileio.weight_files import read_weights
from cld_mm.fileio.weight_loading import load_weights, resize
from cld_mm.models.layers import pooled
from cld_mm.registry import MODELS

ARCH = {'embed_dims': 32, 'num_layers': 2, 'num_heads': 2, 'feedforward_channels': 64}
VIT = {'type': 'VisionTransformer', 'arch': ARCH, 'img_size': 32, 'patch_size': 8}
RESNET = {'type': 'ResNet', 'depth': 18}


def build(config: dict) -> nn.Module:
    model = MODELS.build(dict(config))
    model.eval()
    return model


def timm_vit() -> nn.Module:
    timm = pytest.importorskip('timm')
    shape = {'embed_dim': 32, 'depth': 2, 'num_heads': 2, 'mlp_ratio': 2}
    model = timm.create_model(
        'vit_base_patch16_224', img_size=32, patch_size=8, num_classes=0, **shape
    )
    return shaken(model)


def shaken(model: nn.Module) -> nn.Module:
    """The model with other weights than its initialization's zeros and ones."""
    torch.manual_seed(0)
    for weight in model.parameters():
        weight.data += 0.05 * torch.randn_like(weight)
    return model.eval()


def torchvision_vit() -> nn.Module:
    return shaken(
        torchvision.models.VisionTransformer(32, 8, 2, 2, 32, 64, num_classes=5)
    )


def prefixed(model: nn.Module, prefix: str) -> dict[str, Tensor]:
    return {prefix + key: value for key, value in model.state_dict().items()}


@torch.no_grad()
def check_features(model: nn.Module, wanted: Tensor, side: int) -> None:
    images = torch.randn(2, 3, side, side, generator=torch.Generator().manual_seed(1))
    torch.testing.assert_close(pooled(model(images)), wanted, rtol=1e-4, atol=1e-4)


def features(model: nn.Module, side: int) -> Tensor:
    images = torch.randn(2, 3, side, side, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        return model(images)


def resnet_features() -> tuple[nn.Module, Tensor]:
    model = shaken(torchvision.models.resnet18())
    headless = nn.Sequential(*list(model.children())[:-1], nn.Flatten())
    return model, features(headless, 64)


# How projects wrap a torchvision ResNet.
RESNETS = {
    'torchvision': lambda m: m.state_dict(),
    'MoCo': lambda m: {
        'epoch': 200,
        'arch': 'resnet18',
        'state_dict': {
            **prefixed(m, 'module.encoder_q.'),
            **{k: v + 1 for k, v in prefixed(m, 'module.encoder_k.').items()},
            'module.queue': torch.zeros(2, 4),
        },
        'optimizer': {'state': {}, 'param_groups': []},
    },
    'mmselfsup': lambda m: {
        'meta': {},
        'state_dict': {
            **{k: v + 1 for k, v in prefixed(m, 'momentum_encoder.module.0.').items()},
            **prefixed(m, 'backbone.'),
        },
    },
    'CrossLevel': lambda m: {'state_dict': prefixed(m, 'algorithm.backbone.')},
    'solo-learn': lambda m: {
        'state_dict': {
            **{k: v + 1 for k, v in prefixed(m, 'momentum_backbone.').items()},
            **prefixed(m, 'backbone.'),
            'classifier.weight': torch.zeros(3, 512),
        },
        'hyper_parameters': {'method': 'byol'},
    },
    'DINO': lambda m: {
        'student': prefixed(m, 'module.backbone.'),
        'teacher': prefixed(m, 'backbone.'),
        'args': argparse.Namespace(arch='resnet18'),
    },
    'SwAV': lambda m: prefixed(m, 'module.'),
    'lightly': lambda m: {
        'state_dict': prefixed(nn.Sequential(*list(m.children())[:-1]), 'backbone.')
    },
}


@pytest.mark.parametrize('project', RESNETS)
def test_a_resnet_of_another_project_is_recognized(
    project: str, tmp_path: Path
) -> None:
    source, wanted = resnet_features()
    torch.save(RESNETS[project](source), tmp_path / 'weights.pth')
    model = build(RESNET)
    report = load_weights(model, read_weights(tmp_path / 'weights.pth'), 'weights.pth')
    assert report.missing == []
    check_features(model, wanted, 64)


VITS = {
    'timm': lambda m: m.state_dict(),
    'MAE': lambda m: {'model': {**m.state_dict(), 'decoder.weight': torch.zeros(2)}},
    'DINO': lambda m: {
        'teacher': {**prefixed(m, 'backbone.'), 'head.mlp.0.weight': torch.zeros(2, 2)},
        'student': prefixed(m, 'module.backbone.'),
    },
    'MoCo v3': lambda m: {
        'state_dict': {
            **{k: v + 1 for k, v in prefixed(m, 'module.momentum_encoder.').items()},
            **prefixed(m, 'module.base_encoder.'),
        }
    },
    'solo-learn': lambda m: {'state_dict': prefixed(m, 'backbone.')},
}


@pytest.mark.parametrize('project', VITS)
def test_a_vit_of_another_project_is_recognized(project: str, tmp_path: Path) -> None:
    source = timm_vit()
    torch.save(VITS[project](source), tmp_path / 'weights.pth')
    model = build(VIT)
    report = load_weights(model, read_weights(tmp_path / 'weights.pth'), 'weights.pth')
    assert report.missing == []
    check_features(model, features(source, 32), 32)


def test_a_vit_of_torchvision_is_recognized() -> None:
    source = torchvision_vit()
    model = build(VIT)
    load_weights(model, source.state_dict(), 'weights.pth')
    source.heads = nn.Identity()
    check_features(model, features(source, 32), 32)


def huggingface_vit(folder: Path) -> Tensor:
    transformers = pytest.importorskip('transformers')
    config = transformers.ViTConfig(
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        image_size=32,
        patch_size=8,
        layer_norm_eps=1e-6,
    )
    model = shaken(transformers.ViTModel(config, add_pooling_layer=False))
    model.save_pretrained(folder)
    images = torch.randn(2, 3, 32, 32, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        return model(images).last_hidden_state[:, 0]


def test_a_vit_folder_of_hugging_face_is_recognized(tmp_path: Path) -> None:
    wanted = huggingface_vit(tmp_path / 'vit')
    model = build(VIT)
    report = load_weights(model, read_weights(tmp_path / 'vit'), 'vit')
    assert report.missing == []
    check_features(model, wanted, 32)


def test_a_resnet_folder_of_hugging_face_is_recognized(tmp_path: Path) -> None:
    transformers = pytest.importorskip('transformers')
    config = transformers.ResNetConfig(
        embedding_size=64,
        hidden_sizes=[64, 128, 256, 512],
        depths=[2, 2, 2, 2],
        layer_type='basic',
    )
    source = shaken(transformers.ResNetModel(config))
    source.save_pretrained(tmp_path / 'resnet')
    model = build(RESNET)
    report = load_weights(model, read_weights(tmp_path / 'resnet'), 'resnet')
    assert report.missing == []
    images = torch.randn(2, 3, 64, 64, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        wanted = source(images).pooler_output.flatten(1)
    check_features(model, wanted, 64)


def test_a_timm_backbone_takes_timm_weights() -> None:
    timm = pytest.importorskip('timm')
    source = timm.create_model('resnet10t', num_classes=7)
    model = build({'type': 'TIMMBackbone', 'model_name': 'resnet10t'})
    assert load_weights(model, source.state_dict(), 'weights.pth').missing == []
    assert torch.equal(model.timm_model.conv1[0].weight, source.conv1[0].weight)


def test_position_embeddings_are_interpolated_as_mmpretrain_does() -> None:
    small, large = build(VIT), build({**VIT, 'img_size': 64})
    report = load_weights(large, small.state_dict(), 'weights.pth')
    assert report.reshaped == ['pos_embed']
    assert report.missing == []
    oracle = build({**VIT, 'img_size': 64})
    oracle.load_state_dict(small.state_dict())  # mmpretrain's own hook resizes
    torch.testing.assert_close(large.pos_embed, oracle.pos_embed)


def test_a_class_token_position_is_dropped_where_there_is_no_token() -> None:
    value, place = torch.randn(1, 17, 4), torch.zeros(1, 16, 4)
    assert torch.equal(resize('pos_embed', value, place), value[:, 1:])


def test_another_network_is_refused() -> None:
    given = build(VIT).state_dict()
    with pytest.raises(ValueError, match=r'no weight of ResNet is in weights\.pth'):
        load_weights(build(RESNET), given, 'weights.pth')


def test_another_depth_is_refused_and_nothing_is_loaded() -> None:
    model = build(RESNET)
    before = {key: value.clone() for key, value in model.state_dict().items()}
    given = build({**RESNET, 'depth': 34, 'base_channels': 32}).state_dict()
    with pytest.raises(ValueError, match='shape'):
        load_weights(model, given, 'weights.pth')
    after = model.state_dict()
    assert all(torch.equal(before[key], after[key]) for key in before)


def test_following_the_advice_of_the_error_loads_the_rest() -> None:
    given = build(RESNET).state_dict()
    del given['conv1.weight']
    model = build(RESNET)
    with pytest.raises(ValueError, match='set allow_missing=True'):
        load_weights(model, given, 'weights.pth')
    report = load_weights(model, given, 'weights.pth', allow_missing=True)
    assert report.missing == ['conv1.weight']
    assert 'randomly initialized: conv1.weight' in str(report)


def test_nothing_at_all_stays_an_error_with_allow_missing() -> None:
    with pytest.raises(ValueError, match='no weight'):
        load_weights(build(RESNET), {'a': torch.zeros(1)}, 'x.pth', allow_missing=True)


def test_a_safetensors_file_is_read(tmp_path: Path) -> None:
    save_file = pytest.importorskip('safetensors.torch').save_file
    source, wanted = resnet_features()
    save_file(source.state_dict(), tmp_path / 'weights.safetensors')
    model = build(RESNET)
    load_weights(model, read_weights(tmp_path / 'weights.safetensors'), 'x')
    check_features(model, wanted, 64)
