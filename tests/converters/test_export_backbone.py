"""Exported ResNet-50 weights load elsewhere, with no key missing or left over."""

import importlib.util
from pathlib import Path
from typing import Any

import pytest
import torch
import torchvision
from mmpretrain.models import ResNet

from cld_mm.converters.export_backbone import export_backbone


@pytest.fixture(scope='module')
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> tuple:
    torch.manual_seed(0)
    backbone = ResNet(depth=50)
    path = tmp_path_factory.mktemp('export') / 'epoch_1.pth'
    state = {f'backbone.{k}': v for k, v in backbone.state_dict().items()}
    state |= {'neck.fc.weight': torch.zeros(2, 2), 'queue.features': torch.zeros(3)}
    torch.save({'state_dict': state, 'meta': {}}, path)
    backbone.eval()
    return backbone, path


def load(library: Any, path: Path) -> Any:
    if library == 'torchvision':
        model = torchvision.models.resnet50()
    elif library == 'timm':
        pytest.importorskip('timm')
        import timm

        model = timm.create_model('resnet50')
    else:
        model = ResNet(depth=50)
    weights = torch.load(path, weights_only=True)
    weights = weights.get('state_dict', weights)
    if library == 'mmpretrain':
        assert all(name.startswith('backbone.') for name in weights)
        weights = {name.removeprefix('backbone.'): v for name, v in weights.items()}
    found = model.load_state_dict(weights, strict=False)
    assert found.unexpected_keys == []
    assert [key for key in found.missing_keys if not key.startswith('fc.')] == []
    model.eval()  # mmpretrain's returns None
    return model


@pytest.mark.parametrize('library', ['mmpretrain', 'mmdet', 'torchvision', 'timm'])
def test_it_loads_with_equal_features(
    library: str, checkpoint: Path, tmp_path: Path
) -> None:
    if library == 'timm' and importlib.util.find_spec('timm') is None:
        pytest.skip('timm is not installed')
    backbone, path = checkpoint
    out = tmp_path / 'out.pth'
    assert export_backbone(path, out, library) == len(backbone.state_dict())
    model = load(library, out)
    image = torch.randn(1, 3, 64, 64, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        wanted = backbone(image)[-1]
        if library == 'timm':
            found = model.forward_features(image)
        elif library == 'torchvision':
            found = torch.nn.Sequential(*list(model.children())[:-2])(image)
        else:
            found = model(image)[-1]
    torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-5)


def test_a_checkpoint_without_backbone_is_refused(tmp_path: Path) -> None:
    torch.save({'state_dict': {'fc.weight': torch.zeros(1)}}, tmp_path / 'a.pth')
    with pytest.raises(ValueError, match=r'no key that begins with "backbone\."'):
        export_backbone(tmp_path / 'a.pth', tmp_path / 'b.pth', 'timm')
