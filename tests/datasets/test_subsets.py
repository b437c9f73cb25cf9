"""Subsets of wrapped datasets, and of views in memory."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from mmengine.registry import DefaultScope
from PIL import Image
from torch.utils.data import DataLoader

from cld_mm.datasets.labels import read_labels
from cld_mm.datasets.samplers.seeded_sampler import SeededIndex
from cld_mm.registry import DATASETS


@pytest.fixture(autouse=True)
def _scope() -> Iterator[None]:
    with DefaultScope.overwrite_default_scope('cld_mm'):
        yield


@pytest.fixture
def folder(tmp_path: Path) -> dict[str, Any]:
    """Config of three classes of ten images."""
    for name in ('ape', 'bee', 'cat'):
        (tmp_path / name).mkdir()
        for number in range(10):
            Image.new('RGB', (4, 4)).save(tmp_path / name / f'{number}.png')
    return {'type': 'ImageFolder', 'data_root': str(tmp_path)}


WRAPPED = {
    'concat': lambda x: {'type': 'SeededConcatDataset', 'datasets': [x, x]},
    'mmengine concat': lambda x: {'type': 'SeededConcatDataset', 'datasets': [x, x]},
    'repeat': lambda x: {'type': 'SeededRepeatDataset', 'times': 2, 'dataset': x},
    'part of concat': lambda x: {
        'type': 'LabeledFraction',
        'fraction': 0.5,
        'dataset': {'type': 'SeededConcatDataset', 'datasets': [x] * 4},
    },
}


@pytest.mark.slow
@pytest.mark.parametrize('wrapped', WRAPPED)
def test_a_fraction_of_each_class(folder: dict, wrapped: str) -> None:
    part = DATASETS.build(
        {
            'type': 'LabeledFraction',
            'fraction': 0.2,
            'dataset': WRAPPED[wrapped](folder),
        }
    )
    assert sorted(read_labels(part).tolist()) == [0] * 4 + [1] * 4 + [2] * 4


@pytest.mark.parametrize('wrapped', WRAPPED)
def test_a_long_tail(folder: dict, wrapped: str) -> None:
    part = DATASETS.build(
        {
            'type': 'LongTailed',
            'imbalance_factor': 10,
            'dataset': WRAPPED[wrapped](folder),
        }
    )
    labels = read_labels(part).tolist()
    assert [labels.count(n) for n in range(3)] == [20, 6, 2]
    assert list(part.metainfo['classes']) == ['ape', 'bee', 'cat']


@pytest.mark.slow
@pytest.mark.parametrize('wrapped', WRAPPED)
def test_held_out_images_are_not_among_the_others(folder: dict, wrapped: str) -> None:
    config = {'type': 'HeldOut', 'fraction': 0.2, 'dataset': WRAPPED[wrapped](folder)}
    pipeline = [{'type': 'LoadImage'}]
    fit = DATASETS.build({**config, 'part': 'fit', 'pipeline': pipeline})
    held = DATASETS.build({**config, 'part': 'held_out', 'pipeline': pipeline})
    assert not set(fit.indices) & set(held.indices)
    assert len(fit) + len(held) == 60
    assert 'img' in fit[0]


def test_a_part_hands_on_the_seed_of_a_sample(folder: dict) -> None:
    view = [{'type': 'RandomView', 'size': 4}]
    folder['pipeline'] = [
        {'type': 'LoadImage'},
        {'type': 'SeededMultiView', 'num_views': [1], 'transforms': [view]},
    ]
    part = DATASETS.build(
        {
            'type': 'LabeledFraction',
            'fraction': 0.2,
            'dataset': WRAPPED['concat'](folder),
        }
    )
    assert part[SeededIndex(3, 77)]['sample_idx'].seed == 77


def test_views_in_memory_stay_views(digits: Path) -> None:
    inner = {'type': 'CheckedFashionMNIST', 'data_root': str(digits), 'indices': 200}
    views = {'type': 'InMemoryViews', 'dataset': inner, 'num_views': 2, 'size': 28}
    part = DATASETS.build(
        {'type': 'LabeledFraction', 'fraction': 0.1, 'dataset': views}
    )
    assert len(part) == len(part.images) == len(part.labels)
    batch = next(iter(DataLoader(part, 4, collate_fn=lambda batch: batch)))
    assert batch['inputs'].shape == (4, 1, 28, 28)
    assert batch['augmentations'].shape == (4, 2, 16)
    assert read_labels(part).tolist() == part.labels.tolist()


def test_a_part_is_no_earlier_part_of_another_dataset(folder: dict) -> None:
    first, second = DATASETS.build(folder), DATASETS.build(folder)
    assert len(first.get_subset([0])) == 1
    # At the address of a dataset that is gone anything may lie: here, itself.
    second.reference = first
    assert len(second.get_subset([0, 1]).reference) == len(first) > 1
