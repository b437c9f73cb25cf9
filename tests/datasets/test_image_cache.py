"""Small training sets are decoded once; larger ones and evaluation are not."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from mmengine.registry import DefaultScope
from PIL import Image

from cld_mm.datasets.image_cache import CachedImages, cache_images
from cld_mm.datasets.samplers.seeded_sampler import SeededIndex
from cld_mm.registry import DATASETS

VIEW = {
    'type': 'SeededMultiView',
    'num_views': [1],
    'transforms': [[{'type': 'RandomView', 'size': 16}]],
}


def build(root: Path, *after: dict) -> Any:
    pipeline = [
        {'type': 'LoadImage', 'on_error': 'skip'},
        *after,
        {'type': 'PackViews'},
    ]
    with DefaultScope.overwrite_default_scope('cld_mm'):
        return DATASETS.build(
            {
                'type': 'ImageFolder',
                'data_root': str(root),
                'with_label': False,
                'pipeline': pipeline,
            }
        )


@pytest.fixture
def images(tmp_path: Path) -> Path:
    for number in range(4):
        pixels = np.random.default_rng(number).integers(0, 256, (20, 30, 3), np.uint8)
        Image.fromarray(pixels).save(tmp_path / f'{number}.png')
    return tmp_path


def test_views_are_the_same_with_files_gone(images: Path) -> None:
    plain, cached = build(images, VIEW), build(images, VIEW)
    indices = [SeededIndex(i, 100 + i) for i in range(4)]
    wanted = [plain[i]['inputs'] for i in indices]
    cache_images(cached)
    for path in images.iterdir():
        path.unlink()
    for index, view in zip(indices, wanted, strict=True):
        assert np.array_equal(cached[index]['inputs'][0], view[0])


def test_what_is_too_large_is_not_kept(images: Path) -> None:
    dataset = build(images, VIEW)
    cache_images(dataset, megabytes=0)
    assert not isinstance(dataset.pipeline.transforms[0], CachedImages)


def test_evaluation_reads_each_image_when_it_is_needed(images: Path) -> None:
    dataset = build(images, {'type': 'Resize', 'scale': 16})
    cache_images(dataset)
    assert not isinstance(dataset.pipeline.transforms[0], CachedImages)


def test_broken_images_are_still_skipped(images: Path) -> None:
    (images / '1.png').write_bytes(b'no image')
    dataset = build(images, VIEW)
    cache_images(dataset)
    with pytest.warns(UserWarning, match=r'1.png cannot be read'):
        assert dataset[1]['inputs'][0].shape == (3, 16, 16)


def test_a_part_of_a_dataset_shares_the_images(images: Path) -> None:
    dataset = build(images, VIEW)
    cache_images(dataset)
    part = dataset.get_subset([2])
    assert part.pipeline.transforms[0] is dataset.pipeline.transforms[0]
