"""Steps and views on another device than the CPU, tried on one that holds no values.

torch's meta device refuses to read any value, where a GPU would synchronize, and every
mixture of devices; so both are seen on machines without a GPU.
"""

import copy
from typing import Any

import numpy as np
import pytest
import torch
from mmengine.optim import OptimWrapper

from cld_mm.augmentation.view_parameters import ViewDistribution
from cld_mm.registry import MODELS
from tests.helpers.tiny_models import CLD, numbered_samples, tiny_algorithm, tiny_moco
from tests.helpers.watched_operations import Watch


class Autocast(torch.autocast):
    """torch's, which knows no meta device."""

    def __init__(self, device_type: Any, *args: Any, **kwargs: Any) -> None:
        name = 'cpu' if device_type == 'meta' else device_type
        super().__init__(name, *args, **kwargs)


def on_device(name: str, views: list[torch.Tensor]) -> tuple:
    """A model that needs a device's way through, and its views."""
    backbone = {'type': 'ResNet_CIFAR', 'depth': 18, 'stem_channels': 4}
    backbone['base_channels'] = 4
    if name == 'InfoMin':
        jigsaw = {'in_channels': 32, 'out_channels': 8, 'num_patches': 4}
        model = tiny_moco(CLD, type='InfoMin', jigsaw=jigsaw, queue_dtype='float16')
        return model, [*views, torch.randn(6, 3, 32, 8)]
    if name == 'CrossLevel':
        neck = {'type': 'NonLinearNeck', 'in_channels': 32, 'hid_channels': 8}
        predictor = {'type': 'NonLinearNeck', 'in_channels': 8, 'hid_channels': 8}
        predictor |= {'out_channels': 8, 'with_avg_pool': False}
        head = {'type': 'LatentPredictHead', 'predictor': predictor}
        head['loss'] = {'type': 'CosineSimilarityLoss'}
        inner = {'type': 'SimSiam', 'backbone': backbone, 'head': head}
        inner['data_preprocessor'] = {'type': 'cld_mm.ViewsPreprocessor'}
        inner['neck'] = {**neck, 'out_channels': 8}
        config: dict[str, Any]
        config = {'type': 'CrossLevel', 'algorithm': inner, 'cld': CLD}
        return MODELS.build(config), views[:2]
    if name.startswith('sharded'):
        neck = {'type': 'TwoBranchNeck', 'in_channels': 32, 'out_channels': 8}
        config = {
            'type': 'NPID',
            'backbone': backbone,
            'neck': neck,
            'cld': CLD,
        }
        config |= {'num_images': 40, 'feat_dim': 8, 'bank_sharded': True}
        config |= {'num_negatives': 5 * name.endswith('NCE'), 'bank_dtype': 'float16'}
        return MODELS.build(config), views[:2]
    model = tiny_algorithm(name, CLD)
    return model, views[: model.num_views]


@pytest.mark.parametrize('half', [None, torch.float16, torch.bfloat16], ids=str)
@pytest.mark.parametrize(
    'name',
    ['MoCo', 'NPID', 'NPID-NCE', 'BYOL', 'InfoMin', 'CrossLevel', 'sharded',
     'sharded-NCE'],
)  # fmt: skip
def test_a_step_on_a_device_that_holds_no_values(
    name: str,
    half: torch.dtype | None,
    views: list[torch.Tensor],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    model, views = on_device(name, views)
    data = {'inputs': views, 'data_samples': numbered_samples(6)}
    model.train_step(data, OptimWrapper(torch.optim.SGD(model.parameters(), lr=0.1)))
    model = copy.deepcopy(model).to('meta')
    optimizer = torch.optim.SGD(model.parameters(), 0.1, momentum=0.9, foreach=True)
    wrapper = OptimWrapper(optimizer)
    monkeypatch.setattr(torch, 'autocast', Autocast)
    autocast = torch.autocast('cpu', half or torch.bfloat16, enabled=half is not None)
    with autocast, Watch() as watch:
        model.train_step(data, wrapper)
    assert watch.waiting == []


@pytest.mark.parametrize('whole', [False, True])
def test_views_are_made_on_a_device_that_holds_no_values(whole: bool) -> None:
    law = ViewDistribution(
        scale=(0.2, 1.0), brightness=0.4, contrast=0.4, saturation=0.4, hue=0.1,
        jitter_prob=0.8, gray_prob=0.5, blur_prob=0.5, solarize_prob=0.5,
    )  # fmt: skip
    seeds = np.arange(24, dtype=np.uint64).reshape(2, 12) * 7919
    drawn = np.stack([law.draw(row, 16, 16) for row in seeds], axis=1)
    images = torch.zeros(12, 3, 16, 16, dtype=torch.uint8)
    data: dict[str, Any]
    data = {'inputs': images, 'crop_size': 20} if whole else {'inputs': [images] * 2}
    data['augmentations'] = torch.from_numpy(drawn)
    settings = {'mean': [1.0] * 3, 'std': [2.0] * 3, 'to_rgb': True}
    made = MODELS.build({'type': 'ViewsPreprocessor', **settings}).to('meta')
    with Watch() as watch:
        views = made(data, training=True)['inputs']
    side = 20 if whole else 16
    assert [tuple(view.shape) for view in views] == [(12, 3, side, side)] * 2
    assert all(view.device.type == 'meta' for view in views)
    # Which rows an operation concerns is looked up on the CPU, where it is known.
    assert set(watch.waiting) <= {'nonzero', 'index'}
