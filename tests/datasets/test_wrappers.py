"""datasets made of others keep each sample's own seed, so runs resume exactly."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from mmengine.registry import DefaultScope

from cld_mm.engine.loops.resumable import skip_batches
from cld_mm.engine.runner import ResumableRunner
from cld_mm.registry import DATASETS


@pytest.fixture
def _scope() -> Iterator[None]:
    with DefaultScope.overwrite_default_scope('cld_mm'):
        yield


def epoch(config: dict, seen: int, workers: int, noise: int) -> list[torch.Tensor]:
    """The images of an epoch behind its first batches, whatever numpy's state."""
    np.random.seed(noise)
    loader: Any = ResumableRunner.build_dataloader(
        {
            'dataset': config,
            'batch_size': 2,
            'num_workers': workers,
            'sampler': {'type': 'SeededSampler', 'shuffle': True},
        },
        seed=5,
    )
    assert type(loader.dataset) is DATASETS.get(config['type'])
    loader.sampler.set_epoch(3)
    with skip_batches(loader, seen) as batches:
        return [image for batch in batches for image in batch['inputs']]


@pytest.mark.slow
@pytest.mark.usefixtures('_scope')
def test_concat_and_repeat_resume_to_the_last_bit(digits: Path) -> None:
    part = {
        'type': 'CheckedFashionMNIST',
        'data_root': str(digits),
        'indices': 6,
        'pipeline': [
            {'type': 'RandomCrop', 'crop_size': 28, 'padding': 9},
            {'type': 'RandomFlip', 'prob': 0.5},
            {'type': 'PackInputs'},
        ],
    }
    repeated = {'type': 'SeededRepeatDataset', 'dataset': part, 'times': 2}
    balanced = {**part, 'indices': 5}
    config = {'type': 'SeededConcatDataset', 'datasets': [part, repeated, balanced]}

    whole = epoch(config, 0, 0, 1)
    assert len(whole) == 6 + 12 + 5
    rest = epoch(config, 5, 1, 2)
    assert all(torch.equal(a, b) for a, b in zip(whole[10:], rest, strict=True))
    # Repetitions of one image are augmented in their own ways.
    dataset = DATASETS.build(repeated)
    assert len({image.numpy().tobytes() for image in whole}) > 16
    assert len(dataset) == 12


@pytest.mark.usefixtures('_scope')
@pytest.mark.filterwarnings('ignore:.*skipped, number')
def test_what_replaces_a_broken_image_resumes_to_the_last_bit(tmp_path: Path) -> None:
    for place in range(12):
        image = np.full((9, 9, 3), place, np.uint8)
        image[:, 4:] += 100
        cv2.imwrite(str(tmp_path / f'{place:02d}.png'), image)
    for place in (3, 7, 8):
        (tmp_path / f'{place:02d}.png').write_bytes(b'no image')
    config = {
        'type': 'ImageFolder',
        'data_root': str(tmp_path),
        'with_label': False,
        'pipeline': [
            {'type': 'LoadImage', 'on_error': 'skip'},
            {'type': 'RandomCrop', 'crop_size': 6},
            {'type': 'PackInputs'},
        ],
    }

    whole = epoch(config, 0, 0, 1)
    assert len({int(image.min()) for image in whole}) == 9  # each sound one is there
    assert all(map(torch.equal, whole, epoch(config, 0, 0, 2)))
    assert all(map(torch.equal, whole[2:], epoch(config, 1, 1, 3)))
