"""Detection configs: the exported backbone fits MMDetection's, key by key.

MMDetection is not among the test requirements; where it is installed, with mmcv's
operators, the configs are built and take a step.
"""

import ast
from pathlib import Path
from typing import Any

import pytest
import torch
from mmpretrain.models import ResNet

from cld_mm.converters.export_backbone import export_backbone
from tests.helpers import ROOT

CONFIGS = sorted((ROOT / 'configs/benchmarks/mmdetection').glob('*.py'))
# MMDetection's C4 detectors: three stages as backbone, the fourth in the RoI head.
STAGE = 'layer4.'


@pytest.fixture(scope='module')
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A ResNet-50 as ``cldmm export --to mmdet`` writes it."""
    folder = tmp_path_factory.mktemp('detection')
    state = ResNet(depth=50).state_dict()
    state = {f'backbone.{name}': value for name, value in state.items()}
    torch.save({'state_dict': state}, folder / 'epoch_1.pth')
    export_backbone(folder / 'epoch_1.pth', folder / 'backbone.pth', 'mmdet')
    return folder / 'backbone.pth'


def test_exported_keys_are_those_of_backbone_and_roi_head(exported: Any) -> None:
    """MMDetection's ResNet and ResLayer name their weights as mmpretrain's does."""
    given = set(torch.load(exported, weights_only=True)['state_dict'])
    backbone = ResNet(
        depth=50,
        num_stages=3,
        out_indices=(2,),
        strides=(1, 2, 2),
        dilations=(1, 1, 1),
    )
    wanted = set(backbone.state_dict())
    assert wanted <= given
    assert given - wanted == {name for name in given if name.startswith(STAGE)}


@pytest.mark.parametrize('path', CONFIGS, ids=lambda path: path.stem)
def test_images_are_those_of_pre_training(path: Any) -> None:
    """Pre-training normalizes RGB by ImageNet's figures; so must detection."""
    scope: dict = {}
    exec(compile(ast.parse(path.read_text()), path, 'exec'), scope)
    images = scope['model']['data_preprocessor']
    assert images['bgr_to_rgb']
    text = (ROOT / 'configs/_base_/models/moco_r50.py').read_text()
    for name in ('mean', 'std'):
        assert repr(tuple(images[name])) in text or repr(images[name]) in text


@pytest.mark.parametrize('path', CONFIGS, ids=lambda path: path.stem)
def test_mmdetection_builds_loads_and_steps(path: Any, exported: Any) -> None:
    pytest.importorskip('mmdet')
    pytest.importorskip('mmcv.ops')
    from mmdet.registry import MODELS
    from mmdet.structures import DetDataSample
    from mmdet.utils import register_all_modules
    from mmengine.config import Config
    from mmengine.model import revert_sync_batchnorm
    from mmengine.structures import InstanceData

    register_all_modules()
    cfg = Config.fromfile(path)
    cfg.model.backbone.init_cfg.checkpoint = str(exported)
    cfg.model.roi_head.shared_head.init_cfg.checkpoint = str(exported)
    cfg.model.train_cfg.rpn_proposal.nms_pre = 50
    cfg.model.train_cfg.rcnn.sampler.num = 8
    detector = revert_sync_batchnorm(MODELS.build(cfg.model))
    detector.init_weights()
    given = torch.load(exported, weights_only=True)['state_dict']
    found = {
        **detector.backbone.state_dict(),
        **detector.roi_head.shared_head.state_dict(),
    }
    assert found.keys() == given.keys()
    for name, value in given.items():
        assert torch.equal(found[name], value), name
    trained = {name for name, p in detector.named_parameters() if p.requires_grad}
    assert {'backbone.conv1.weight', 'backbone.bn1.weight'} <= trained
    detector.train()
    assert detector.backbone.bn1.training
    boxes = InstanceData(
        bboxes=torch.tensor([[4.0, 6, 50, 40], [20, 20, 60, 62]]),
        labels=torch.tensor([1, 7]),
    )
    if 'mask' in path.stem:
        from mmdet.structures.mask import BitmapMasks

        boxes.masks = BitmapMasks(torch.ones(2, 64, 64).byte().numpy(), 64, 64)
    sample = DetDataSample(
        gt_instances=boxes, metainfo={'img_shape': (64, 64), 'ori_shape': (64, 64)}
    )
    image = torch.randint(0, 256, (3, 64, 64), dtype=torch.uint8)
    data = detector.data_preprocessor(
        {'inputs': [image], 'data_samples': [sample]}, training=True
    )
    losses = detector(**data, mode='loss')
    loss, _ = detector.parse_losses(losses)
    loss.backward()
    assert loss.isfinite()
    assert detector.backbone.conv1.weight.grad.abs().sum() > 0
