"""Black and white of 16-bit images are decided once per dataset."""

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from mmengine.registry import DefaultScope

from cld_mm.datasets.value_range import use_value_range, value_range_of
from cld_mm.registry import DATASETS

PIPELINE = [{'type': 'LoadImage'}]


def write(folder: Path, largest: list[int]) -> Path:
    folder.mkdir()
    for number, value in enumerate(largest):
        pixels = np.full((4, 4), value, np.uint16)
        cv2.imwrite(str(folder / f'{number}.png'), pixels)
    return folder


def build(root: Path, kind: str = 'ImageFolder', **load: object) -> Any:
    with DefaultScope.overwrite_default_scope('cld_mm'):
        return DATASETS.build(
            {
                'type': kind,
                'data_root': str(root),
                'with_label': False,
                'pipeline': [{'type': 'LoadImage', **load}],
            }
        )


def test_one_range_for_dark_and_bright_images(tmp_path: Path) -> None:
    dataset = build(write(tmp_path / 'x', [100, 4000]))
    assert value_range_of(dataset) == (0, 4095)
    dark, bright = (sample['img'][0, 0, 0] for sample in dataset)
    assert (dark, bright) == (round(100 / 4095 * 255), round(4000 / 4095 * 255))


def test_a_given_range_is_kept(tmp_path: Path) -> None:
    dataset = build(write(tmp_path / 'x', [100, 4000]), value_range=(0, 8000))
    use_value_range(dataset, (0, 255))
    assert value_range_of(dataset) == (0, 8000)
    assert dataset[1]['img'][0, 0, 0] == round(4000 / 8000 * 255)


def test_a_test_split_takes_the_range_of_training(tmp_path: Path) -> None:
    train = build(write(tmp_path / 'train', [4000]))
    test = build(write(tmp_path / 'test', [100]))
    assert value_range_of(test) == (0, 255)
    use_value_range(test, value_range_of(train))
    assert test[0]['img'][0, 0, 0] == round(100 / 4095 * 255)


def test_eight_bits_stay_as_they_are(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / 'x.png'), np.full((4, 4), 7, np.uint8))
    dataset = build(tmp_path)
    assert value_range_of(dataset) is None
    assert dataset[0]['img'].max() == 7


def test_the_runner_decides_for_datasets_of_mmpretrain(tmp_path: Path) -> None:
    from cld_mm.engine.runner import ResumableRunner

    dataset = build(write(tmp_path / 'x', [4000]), kind='CustomDataset')
    with DefaultScope.overwrite_default_scope('cld_mm'):
        loader = ResumableRunner.build_dataloader(
            {
                'dataset': dataset,
                'batch_size': 1,
                'sampler': {'type': 'SeededSampler', 'shuffle': False},
            }
        )
    assert value_range_of(loader.dataset) == (0, 4095)


def test_a_single_16_bit_image_that_the_sample_missed(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / 'a.png'), np.full((4, 4), 7, np.uint8))
    dataset = build(tmp_path)
    cv2.imwrite(str(tmp_path / 'a.png'), np.full((4, 4), 65535, np.uint16))
    with pytest.warns(UserWarning, match='set value_range in LoadImage'):
        assert dataset[0]['img'].max() == 255
