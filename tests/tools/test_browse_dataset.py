"""browse_dataset.py draws what training sees, for any dataset."""

from pathlib import Path

import numpy as np
import pytest
from mmengine.registry import DefaultScope
from PIL import Image

from cld_mm.datasets.preparation.shard_writer import write_shards
from cld_mm.registry import DATASETS
from tests.helpers import ROOT
from tests.helpers.run_tools import call_tool

TOOL = 'tools/visualization/browse_dataset.py'
MOCO = ROOT / 'tests/helpers/configs/folders_moco.py'
IN_MEMORY = ROOT / 'configs/mocov2_cld_r18_fashionmnist_in_memory_10e.py'


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for number in range(3):
        path = tmp_path / 'data/train/bee' / f'{number}.png'
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new('RGB', (16, 16), (200, 100, 20 * number)).save(path)
    return tmp_path / 'data'


def browse(config: Path, out: Path, *options: str) -> np.ndarray:
    """The picture that the tool draws."""
    words = ['--images', 2, '--epochs', 1, '--out', out, '--cfg-options', *options]
    found = call_tool(TOOL, config, *words)
    assert found.code == 0, found.stderr
    return np.asarray(Image.open(out).convert('RGB'))


def test_views_in_memory(digits: Path, tmp_path: Path) -> None:
    root = f'train_dataloader.dataset.dataset.data_root={digits}'
    picture = browse(IN_MEMORY, tmp_path / 'x.png', root)
    assert len(np.unique(picture)) > 50  # digits in gray


def test_colors_left_to_the_device_are_drawn(folder: Path, tmp_path: Path) -> None:
    view = 'train_dataloader.dataset.pipeline.2.transforms.0.0'
    picture = browse(
        MOCO,
        tmp_path / 'x.png',
        f'train_dataloader.dataset.data_root={folder}',
        f'{view}.on_device=True',
        f'{view}.solarize_prob=1.0',
        'model.data_preprocessor.type=ViewsPreprocessor',
    )
    colors = {tuple(color) for color in np.unique(picture.reshape(-1, 3), axis=0)}
    # Stored: red first; training reads blue first here and inverts 128 and more.
    assert (200, 100, 0) in colors
    assert (0, 100, 55) in colors


def test_shards(folder: Path, tmp_path: Path) -> None:
    config = {'type': 'ImageFolder', 'data_root': str(folder / 'train')}
    with DefaultScope.overwrite_default_scope('cld_mm'):
        write_shards(DATASETS.build(config), tmp_path / 'shards', 10**6)
    dataset = 'train_dataloader.dataset'
    settings = f'{dataset}.type=TarShards', f'{dataset}.data_root={tmp_path / "shards"}'
    picture = browse(MOCO, tmp_path / 'x.png', *settings)
    colors = picture.reshape(-1, 1, 3)
    stored = np.array([(200, 100, 20 * number) for number in range(3)])
    assert (colors == stored).all(axis=2).any()


def test_a_broken_image_is_named(folder: Path, tmp_path: Path) -> None:
    bad = folder / 'train/bee/0.png'
    bad.write_bytes(bad.read_bytes()[:50])
    found = call_tool(
        TOOL, MOCO, '--out', tmp_path / 'x.png',
        '--cfg-options', f'train_dataloader.dataset.data_root={folder}',
    )  # fmt: skip
    assert found.code != 0
    assert str(bad) in found.stderr
