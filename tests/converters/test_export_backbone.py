"""Exports load strictly in their library and give the same features, or are refused."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
import torchvision
from mmengine.config import Config
from torch import nn

from cld_mm.converters.export_backbone import export_backbone
from cld_mm.models.layers import pooled
from cld_mm.registry import MODELS

TINY = {'embed_dims': 32, 'num_layers': 2, 'num_heads': 2, 'feedforward_channels': 64}
SWIN = {'embed_dims': 8, 'depths': [1, 1], 'num_heads': [1, 2]}
BACKBONES: dict[str, dict] = {
    'resnet18': {'type': 'ResNet', 'depth': 18},
    'resnet50d': {'type': 'ResNetV1d', 'depth': 50, 'base_channels': 8},
    'seresnet50': {'type': 'SEResNet', 'depth': 50, 'base_channels': 16},
    'resnet18_cifar': {'type': 'ResNet_CIFAR', 'depth': 18, 'base_channels': 4},
    'vit': {
        'type': 'VisionTransformer',
        'arch': TINY,
        'img_size': 32,
        'patch_size': 8,
    },
    'vit_tiny': {'type': 'VisionTransformer', 'arch': 'deit-tiny', 'img_size': 32},
    'vit_layer_scale': {
        'type': 'VisionTransformer',
        'arch': TINY,
        'img_size': 32,
        'layer_scale_init_value': 0.1,
        'pre_norm': True,
    },
    'convnext': {'type': 'ConvNeXt', 'arch': 'atto'},
    'convnext_v2': {
        'type': 'ConvNeXt',
        'arch': 'atto',
        'use_grn': True,
        'layer_scale_init_value': 0.0,
    },
    'swin': {
        'type': 'SwinTransformer',
        'arch': SWIN,
        'img_size': 56,
        'out_indices': (1,),
    },
    'mobilenet_v2': {'type': 'MobileNetV2', 'widen_factor': 0.5},
    'mobilenet_v3': {'type': 'MobileNetV3', 'arch': 'small'},
    'efficientnet': {'type': 'EfficientNet', 'arch': 'b0'},
    'timm_resnet': {'type': 'TIMMBackbone', 'model_name': 'resnet10t'},
    'gray': {'type': 'ResNet', 'depth': 18, 'base_channels': 4, 'in_channels': 1},
}
REFUSED = {
    ('resnet18_cifar', 'timm'),
    ('resnet18_cifar', 'torchvision'),
    ('resnet50d', 'torchvision'),
    ('vit', 'torchvision'),
    ('convnext', 'mmdet'),
    ('mobilenet_v3', 'huggingface'),  # timm's head has one more layer
}


def write_checkpoint(folder: Path, backbone: dict) -> tuple[nn.Module, Path]:
    """A backbone with random weights and statistics, and its checkpoint."""
    torch.manual_seed(0)
    module = MODELS.build(dict(backbone))
    for weight in module.parameters():
        weight.data += 0.05 * torch.randn_like(weight)
    for name, buffer in module.named_buffers():
        if name.endswith('running_var'):
            buffer.uniform_(0.5, 1.5)
    state = {f'backbone.{k}': v for k, v in module.state_dict().items()}
    state |= {'neck.fc.weight': torch.zeros(2, 2), 'queue.features': torch.zeros(3)}
    model = {
        'type': 'MoCo',
        'backbone': backbone,
        'data_preprocessor': {'mean': [123.0, 116.0, 103.0], 'std': [58.0, 57.0, 57.0]},
    }
    path = folder / 'epoch_1.pth'
    meta = {'cfg': Config({'model': model}).pretty_text}
    torch.save({'state_dict': state, 'meta': meta}, path)
    module.eval()
    return module, path


def images(side: int = 64, channels: int = 3) -> torch.Tensor:
    generator = torch.Generator().manual_seed(1)
    return torch.randn(2, channels, side, side, generator=generator)


@torch.no_grad()
def check_equal(model: nn.Module, module: nn.Module, pictures: torch.Tensor) -> None:
    model.eval()
    found, wanted = pooled(model(pictures)), pooled(module(pictures))
    torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize('name', [n for n in BACKBONES if (n, 'timm') not in REFUSED])
def test_timm_loads_it_with_the_printed_code(name: Any, tmp_path: Path) -> None:
    timm = pytest.importorskip('timm')
    module, path = write_checkpoint(tmp_path, BACKBONES[name])
    done = export_backbone(path, tmp_path / 'out.pth', 'timm')
    scope = {'timm': timm, 'torch': torch}
    exec(done.code, scope)
    side = BACKBONES[name].get('img_size', 64)
    channels = BACKBONES[name].get('in_channels', 3)
    check_equal(scope['model'], module, images(side, channels))


@pytest.mark.parametrize('name', ['resnet18', 'mobilenet_v2', 'mobilenet_v3'])
def test_torchvision_loads_it_with_the_printed_code(name: str, tmp_path: Path) -> None:
    module, path = write_checkpoint(tmp_path, BACKBONES[name])
    done = export_backbone(path, tmp_path / 'out.pth', 'torchvision')
    scope = {'torchvision': torchvision, 'torch': torch}
    exec(done.code, scope)
    check_equal(scope['model'], module, images())


LARGE = {
    'vit': {'type': 'VisionTransformer', 'arch': 'base', 'img_size': 32},
    'convnext': {'type': 'ConvNeXt', 'arch': 'tiny'},
    'swin': {'type': 'SwinTransformer', 'arch': 'tiny'},
}


@pytest.mark.slow
@pytest.mark.parametrize('name', LARGE)
def test_torchvision_loads_its_own_sizes(name: str, tmp_path: Path) -> None:
    _, path = write_checkpoint(tmp_path, LARGE[name])
    done = export_backbone(path, tmp_path / 'out.pth', 'torchvision')
    assert done.difference < 1e-4


@pytest.mark.parametrize(('name', 'to'), sorted(REFUSED))
def test_nothing_is_written_where_the_library_has_no_such_network(
    name: Any, to: Any, tmp_path: Path
) -> None:
    _, path = write_checkpoint(tmp_path, BACKBONES[name])
    before = set(tmp_path.iterdir())
    out = tmp_path / ('folder' if to == 'huggingface' else 'out.pth')
    with pytest.raises(ValueError, match='--to'):
        export_backbone(path, out, to)
    assert set(tmp_path.iterdir()) == before


def test_another_network_under_the_same_keys_is_refused(tmp_path: Path) -> None:
    # Strides in the first convolution: same shapes as torchvision's, other features.
    backbone = {'type': 'ResNet', 'depth': 50, 'style': 'caffe', 'base_channels': 64}
    _, path = write_checkpoint(tmp_path, backbone)
    with pytest.raises(ValueError, match='features of random images differ'):
        export_backbone(path, tmp_path / 'out.pth', 'torchvision')
    assert not (tmp_path / 'out.pth').exists()


def test_mmpretrain_loads_it(tmp_path: Path) -> None:
    module, path = write_checkpoint(tmp_path, BACKBONES['swin'])
    export_backbone(path, tmp_path / 'out.pth', 'mmpretrain')
    weights = torch.load(tmp_path / 'out.pth', weights_only=True)['state_dict']
    model = MODELS.build(dict(BACKBONES['swin']))
    model.load_state_dict({k.removeprefix('backbone.'): v for k, v in weights.items()})
    check_equal(model, module, images(56))


def test_mmdetection_gets_torchvision_keys(tmp_path: Path) -> None:
    _, path = write_checkpoint(tmp_path, BACKBONES['resnet18'])
    export_backbone(path, tmp_path / 'out.pth', 'mmdet')
    weights = torch.load(tmp_path / 'out.pth', weights_only=True)['state_dict']
    model = torchvision.models.resnet18()
    assert weights.keys() == {k for k in model.state_dict() if not k.startswith('fc.')}


def test_safetensors_holds_the_config(tmp_path: Path) -> None:
    safetensors = pytest.importorskip('safetensors')
    module, path = write_checkpoint(tmp_path, BACKBONES['resnet18_cifar'])
    export_backbone(path, tmp_path / 'out.safetensors', 'safetensors')
    with safetensors.safe_open(tmp_path / 'out.safetensors', 'pt') as file:
        model = MODELS.build(json.loads(file.metadata()['backbone']))
        model.load_state_dict({key: file.get_tensor(key) for key in file.keys()})  # noqa: SIM118
    check_equal(model, module, images())


def test_transformers_reads_the_hugging_face_folder(tmp_path: Path) -> None:
    transformers = pytest.importorskip('transformers')
    module, path = write_checkpoint(tmp_path, BACKBONES['vit'])
    export_backbone(path, tmp_path / 'out', 'huggingface')
    model = transformers.AutoModel.from_pretrained(str(tmp_path / 'out')).eval()
    with torch.no_grad():
        found = model(images(32)).pooler_output
    torch.testing.assert_close(found, pooled(module(images(32))), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    'name', ['vit', pytest.param('swin', marks=pytest.mark.slow)]
)  # any batch; one image at a time
def test_onnx_runs(name: str, tmp_path: Path) -> None:
    runtime = pytest.importorskip('onnxruntime')
    pytest.importorskip('onnxscript')
    module, path = write_checkpoint(tmp_path, BACKBONES[name])
    export_backbone(path, tmp_path / 'out.onnx', 'onnx')
    session = runtime.InferenceSession(tmp_path / 'out.onnx')
    picture = images(BACKBONES[name]['img_size'])[:1]
    found = torch.from_numpy(session.run(None, {'images': picture.numpy()})[0])
    torch.testing.assert_close(found, pooled(module(picture)), rtol=1e-4, atol=1e-4)


def test_torch_export_runs(tmp_path: Path) -> None:
    module, path = write_checkpoint(tmp_path, BACKBONES['vit'])
    export_backbone(path, tmp_path / 'out.pt2', 'torch-export')
    program = torch.export.load(tmp_path / 'out.pt2').module()
    found = program(images(32))
    torch.testing.assert_close(found, pooled(module(images(32))), rtol=1e-4, atol=1e-4)


def test_a_resnet_without_config_is_recognized(tmp_path: Path) -> None:
    _, path = write_checkpoint(tmp_path, BACKBONES['resnet18'])
    state = torch.load(path, weights_only=True)['state_dict']
    torch.save({'state_dict': state, 'meta': {}}, path)
    assert export_backbone(path, tmp_path / 'out.pth', 'timm').num_tensors == 120


def test_other_networks_without_config_are_refused(tmp_path: Path) -> None:
    _, path = write_checkpoint(tmp_path, BACKBONES['vit'])
    state = torch.load(path, weights_only=True)['state_dict']
    torch.save({'state_dict': state, 'meta': {}}, path)
    with pytest.raises(ValueError, match='give it with --config'):
        export_backbone(path, tmp_path / 'out.pth', 'timm')


def test_a_checkpoint_without_backbone_is_refused(tmp_path: Path) -> None:
    torch.save({'state_dict': {'fc.weight': torch.zeros(1)}}, tmp_path / 'a.pth')
    with pytest.raises(ValueError, match=r'no key that begins with "backbone\."'):
        export_backbone(tmp_path / 'a.pth', tmp_path / 'b.pth', 'timm')


def test_a_stored_config_is_not_run(tmp_path: Path) -> None:
    _, path = write_checkpoint(tmp_path, BACKBONES['vit'])
    loaded = torch.load(path, weights_only=True)
    loaded['meta']['cfg'] += f'\nx = open({str(tmp_path / "ran")!r}, "w")\n'
    torch.save(loaded, path)
    with pytest.raises(ValueError, match='stored config cannot be read'):
        export_backbone(path, tmp_path / 'out.pth', 'timm')
    assert not (tmp_path / 'ran').exists()


@pytest.mark.parametrize('name', ['hf-hub:timm/resnet18.a1_in1k', 'local-dir:/tmp/x'])
def test_a_stored_config_fetches_nothing(name: str, tmp_path: Path) -> None:
    _, path = write_checkpoint(tmp_path, BACKBONES['timm_resnet'])
    loaded = torch.load(path, weights_only=True)
    loaded['meta']['cfg'] = loaded['meta']['cfg'].replace('resnet10t', name)
    torch.save(loaded, path)
    with pytest.raises(ValueError, match="not one of timm's own"):
        export_backbone(path, tmp_path / 'out.pth', 'timm')
