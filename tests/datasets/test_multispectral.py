"""Images of six bands and 12 bits reach the model with their bands and depth."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from mmengine.registry import DefaultScope

from cld_mm.engine.runner import ResumableRunner
from tests.helpers.tiny_models import tiny_moco

BANDS = 6


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    rng = np.random.default_rng(0)
    for number in range(4):
        pixels = rng.integers(0, 4096, (20, 24, BANDS)).astype(np.uint16)
        np.save(tmp_path / f'{number}.npy', pixels)
    return tmp_path


def loader(folder: Path, **view: Any) -> Any:
    views = [{'type': 'RandomView', 'size': 16, **view}]
    config = {
        'batch_size': 4,
        'num_workers': 0,
        'sampler': {'type': 'SeededSampler', 'shuffle': False},
        'collate_fn': {'type': 'collate_views'},
        'dataset': {
            'type': 'ImageFolder',
            'data_root': str(folder),
            'with_label': False,
            'pipeline': [
                {'type': 'LoadImage', 'bands': 'all'},
                {
                    'type': 'SeededMultiView',
                    'num_views': [2],
                    'transforms': [views],
                },
                {'type': 'PackViews'},
            ],
        },
    }
    with DefaultScope.overwrite_default_scope('cld_mm'):
        return ResumableRunner.build_dataloader(config, seed=0)


def test_views_keep_bands_and_depth(folder: Path) -> None:
    batch = next(iter(loader(folder, brightness=0.4, blur_prob=0.5)))
    for view in batch['inputs']:
        assert view.shape == (4, BANDS, 16, 16)
        assert view.dtype == torch.float32
        assert len(view.unique()) > 4096
        assert 0 <= view.min() < 50 < 200 < view.max() <= 255


def test_a_whole_crop_is_the_image(folder: Path) -> None:
    square = np.load(folder / '0.npy')[:16, :16]
    for path in folder.iterdir():
        np.save(path, square)
    batch = next(iter(loader(folder, scale=(1, 1), ratio=(1, 1), flip_prob=0)))
    wanted = torch.from_numpy(square.transpose(2, 0, 1) * (255 / 4095)).float()
    assert torch.allclose(batch['inputs'][0][0], wanted, atol=1e-3)


@pytest.mark.parametrize('setting', ['hue', 'saturation', 'gray_prob'])
def test_operations_on_colors_say_that_they_need_rgb(
    folder: Path, setting: str
) -> None:
    with pytest.raises(ValueError, match=f'{setting}=0.1, which need RGB images'):
        next(iter(loader(folder, **{setting: 0.1})))


@pytest.mark.parametrize('kind', ['SelfSupDataPreprocessor', 'ViewsPreprocessor'])
def test_a_model_trains_on_them(folder: Path, kind: str) -> None:
    backbone = {
        'type': 'ResNet_CIFAR',
        'depth': 18,
        'in_channels': BANDS,
        'stem_channels': 4,
        'base_channels': 4,
    }
    preprocessor = {'type': kind, 'mean': (127.0,), 'std': (60.0,)}
    model = tiny_moco(backbone=backbone, data_preprocessor=preprocessor)
    on_device = kind == 'ViewsPreprocessor'
    batch = next(iter(loader(folder, brightness=0.4, on_device=on_device)))
    data = model.data_preprocessor(batch, training=True)
    losses = model(data['inputs'], data['data_samples'], mode='loss')
    assert all(loss.isfinite() for loss in losses.values())
