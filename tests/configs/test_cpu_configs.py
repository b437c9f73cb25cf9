"""Every study config reads its images: the datasets build and give a batch."""

from pathlib import Path

import numpy as np
import pytest
from mmengine.config import Config
from mmengine.registry import DefaultScope

from cld_mm.engine.runner import ResumableRunner
from tests.helpers import ROOT

CONFIGS = sorted((ROOT / 'configs/cpu').glob('*cifar10*.py'))


@pytest.fixture(scope='module')
def arrays(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Images enough for 500 scenes and for a batch of a long tail."""
    folder = tmp_path_factory.mktemp('arrays')
    generator = np.random.default_rng(0)
    labels = np.arange(1200) % 10
    images = generator.integers(0, 256, (len(labels), 32, 32, 3), dtype=np.uint8)
    classes = np.asarray([f'class {label}' for label in range(10)])
    for split in ('train', 'test'):
        path = folder / f'{split}.npz'
        np.savez(path, images=images, labels=labels, classes=classes)
    return folder


@pytest.mark.parametrize('path', CONFIGS, ids=lambda path: path.stem)
def test_the_images_of_a_study_config_load(path: Path, arrays: Path) -> None:
    text = Config.fromfile(path).pretty_text.replace('data/cifar10-jpeg', str(arrays))
    cfg = Config.fromstring(text, '.py')
    with DefaultScope.overwrite_default_scope('cld_mm'):
        for loader in (
            cfg.train_dataloader,
            cfg.val_dataloader,
            cfg.val_cfg.train_dataloader,
        ):
            built = ResumableRunner.build_dataloader({**loader, 'num_workers': 0}, 0)
            batch = next(iter(built))
            assert len(batch['data_samples']) == min(loader.batch_size, 1200)
