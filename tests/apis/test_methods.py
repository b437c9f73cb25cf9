"""Every method of cldmm pretrain takes a step with every family of backbones."""

from typing import Any

import pytest
import torch
from mmengine.config import Config
from mmengine.optim import OptimWrapper

from cld_mm.apis.pretraining.backbones import UnknownName, backbone_config
from cld_mm.apis.pretraining.measure import feature_size
from cld_mm.apis.pretraining.method_models import method_model
from cld_mm.apis.pretraining.methods import find_method
from cld_mm.apis.pretraining.plan import Plan
from cld_mm.registry import MODELS, enter_scope

SIZE = 32
VIT = {'embed_dims': 16, 'num_layers': 1, 'num_heads': 2, 'feedforward_channels': 32}
FAMILIES: dict[str, Any] = {
    'ResNet': {'type': 'ResNet', 'depth': 18, 'base_channels': 4},
    'ResNeXt': {
        'type': 'ResNeXt',
        'depth': 50,
        'groups': 2,
        'width_per_group': 4,
        'base_channels': 8,
    },
    'MobileNet': {'type': 'MobileNetV2', 'widen_factor': 0.25},
    'EfficientNet': {'type': 'EfficientNet', 'arch': 'b0'},
    'ConvNeXt': {'type': 'ConvNeXt', 'arch': 'atto'},
    'ViT': {'type': 'VisionTransformer', 'arch': VIT, 'img_size': 32, 'patch_size': 4},
    'Swin': {
        'type': 'SwinTransformer',
        'arch': {'embed_dims': 8, 'depths': [1, 1], 'num_heads': [1, 2]},
        'img_size': 32,
        'window_size': 2,
        'pad_small_map': True,
        'out_indices': (1,),
    },
    'timm': {'type': 'TIMMBackbone', 'model_name': 'resnet10t'},
}
# MoCo, NPID, BYOL, InfoMin, and CrossLevel around SimCLR.
METHODS = ('mocov2-cld', 'npid-cld', 'byol-cld', 'infomin-cld', 'simclr-cld')


def views_of(method: str, number: int = 4) -> list[torch.Tensor]:
    known, with_cld = find_method(method)
    generator = torch.Generator().manual_seed(0)
    views = [
        torch.randint(0, 256, (number, 3, SIZE, SIZE), generator=generator)
        for _ in range(known.views[with_cld])
    ]
    if known.name == 'infomin':
        views.append(torch.randint(0, 256, (number, 3, 9 * SIZE, SIZE)))
    return [view.to(torch.uint8) for view in views]


@pytest.mark.parametrize('method', METHODS)
@pytest.mark.parametrize('family', FAMILIES)
def test_a_step_changes_the_weights(family: str, method: str) -> None:
    if family == 'timm':
        pytest.importorskip('timm')
    enter_scope('cld_mm')
    torch.manual_seed(0)
    backbone = dict(FAMILIES[family])
    channels = feature_size(MODELS.build(dict(backbone)), SIZE)
    plan = Plan(['photos'], 8, method, family, backbone, size=SIZE, channels=channels)
    plan.queue_len, plan.num_groups, plan.momentum = 8, 2, 0.01
    config = method_model(plan)
    model = MODELS.build(Config(config))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for encoder in getattr(model, 'momentum_encoders', list)():
        encoder.total_steps = 10
    before = next(model.backbone.parameters()).clone()
    samples = data_samples(4)
    data = {'inputs': views_of(method), 'data_samples': samples}
    losses = model.train_step(data, OptimWrapper(optimizer))
    assert torch.isfinite(losses['loss'])
    assert losses['loss_cld'] > 0
    assert not torch.equal(before, next(model.backbone.parameters()))


def data_samples(number: int) -> list:
    from mmpretrain.structures import DataSample

    samples = [DataSample() for _ in range(number)]
    for index, sample in enumerate(samples):
        sample.set_metainfo({'sample_idx': index})
    return samples


@pytest.mark.parametrize(
    ('name', 'kind'),
    [
        ('resnet50', 'ResNet'),
        ('vit_small', 'VisionTransformer'),
        ('MobileNetV2', 'MobileNetV2'),
        ('resnet18_8xb32_in1k', 'ResNet'),
        ('resnet26d', 'TIMMBackbone'),
    ],
)
def test_names_of_every_library_are_known(name: str, kind: str) -> None:
    assert backbone_config(name, 224)['type'] == kind


def test_transformers_are_built_for_the_size_of_the_images() -> None:
    assert backbone_config('vit-tiny', 96)['img_size'] == 96
    assert backbone_config('vit_tiny_patch16_224', 96)['img_size'] == 96


def test_small_images_get_a_resnet_with_a_small_stem() -> None:
    assert backbone_config('resnet18', 32)['type'] == 'ResNet_CIFAR'


@pytest.mark.parametrize(
    ('name', 'near'), [('resnt50', 'resnet50'), ('vit-smal', 'vit')]
)
def test_an_unknown_backbone_gets_the_nearest_names(name: str, near: str) -> None:
    with pytest.raises(UnknownName, match=f'did you mean .*{near}'):
        backbone_config(name, 224)


def test_an_unknown_method_gets_the_nearest_names() -> None:
    with pytest.raises(UnknownName, match='did you mean mocov2-cld'):
        find_method('moco2-cld')
