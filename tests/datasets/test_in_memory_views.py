"""Images in memory, whose views are made on the device."""

import numpy as np
import pytest
import torch
from mmengine.registry import DefaultScope
from mmpretrain.datasets import BaseDataset
from PIL import Image
from torch.utils.data import DataLoader
from torchvision.transforms import functional as F

from cld_mm.datasets import InMemoryViews, SeededSampler, whole_batch
from cld_mm.datasets.samplers.seeded_sampler import mix_seed
from cld_mm.datasets.transforms import CROP, RandomView, ViewDistribution
from cld_mm.models.data_preprocessors import ViewsPreprocessor, crop_batch
from cld_mm.registry import DATASETS
from tests.helpers.photos import B224, photo


class _Pictures(BaseDataset):
    def load_data_list(self) -> list:
        return [
            {'img': photo(seed, 32, 32), 'gt_label': seed % 3} for seed in range(12)
        ]


@pytest.mark.parametrize(('hue', 'limit'), [(0.0, 2.0), (0.1, 3.0)])
def test_images_in_memory_get_the_views_of_the_pipeline(
    hue: float, limit: float
) -> None:
    drawn = {**B224, 'hue': hue}
    view = RandomView(32, channel_order='rgb', **drawn)
    with DefaultScope.overwrite_default_scope('cld_mm'):
        DATASETS.register_module(module=_Pictures, force=True)
        memory = InMemoryViews(
            {'type': '_Pictures', 'ann_file': ''}, num_views=2, size=32, **drawn
        )
    loader = DataLoader(
        memory,
        batch_size=5,
        sampler=SeededSampler(memory, shuffle=True, seed=3),
        collate_fn=whole_batch,
    )
    preprocess = ViewsPreprocessor()
    for batch in loader:
        views = preprocess(batch)['inputs']
        assert len(views) == 2
        for row, sample in enumerate(batch['data_samples']):
            index = sample.sample_idx
            assert sample.gt_label == index % 3
            for place in range(2):
                seed = mix_seed(index.seed, place, 0)
                made = view({'img': photo(int(index), 32, 32), 'view_seed': seed})
                slow = torch.from_numpy(made['img']).permute(2, 0, 1).float()
                gap = (views[place][row] - slow).abs()
                assert gap.mean() < limit  # bytes between the steps; hues near gray
    again = next(iter(loader))
    assert torch.equal(again['inputs'], next(iter(loader))['inputs'])


def test_a_crop_on_the_device_is_pils() -> None:
    images = torch.stack([torch.from_numpy(photo(s, 32, 32)) for s in range(6)])
    drawn = ViewDistribution(scale=(0.1, 1.0)).draw(
        np.arange(6, dtype=np.uint64) * 7919, 32, 32
    )
    fast = crop_batch(images.permute(0, 3, 1, 2).float(), torch.from_numpy(drawn), 40)
    for image, row, crop in zip(images, drawn, fast, strict=True):
        box = tuple(int(value) for value in row[CROP])
        slow = F.resized_crop(Image.fromarray(image.numpy()), *box, [40, 40])
        gap = crop.permute(1, 2, 0).numpy() - np.asarray(slow)
        assert np.abs(gap).max() < 1.01


@pytest.mark.parametrize(
    ('settings', 'said'),
    [({'size': 31}, 'raise size'), ({'num_views': 0}, 'num_views is 0')],
)
def test_images_in_memory_say_what_is_wrong(settings: dict, said: str) -> None:
    with DefaultScope.overwrite_default_scope('cld_mm'):
        DATASETS.register_module(module=_Pictures, force=True)
        with pytest.raises(ValueError, match=said):
            InMemoryViews(
                {'type': '_Pictures', 'ann_file': ''},
                **{'num_views': 2, 'size': 32, **settings},
            )


@pytest.mark.parametrize(
    'wrapper',
    [
        {'type': 'LongTailed', 'imbalance_factor': 2},
        {'type': 'LabeledFraction', 'fraction': 0.5},
        {'type': 'HeldOut', 'part': 'fit', 'fraction': 0.25},
        {'type': 'Frames', 'scenes': 3, 'frames': 2},
        {'type': 'RepeatDataset', 'times': 2},
        {'type': 'SeededRepeatDataset', 'times': 2},
    ],
    ids=lambda wrapper: wrapper['type'],
)
def test_what_wraps_images_can_be_kept_in_memory(wrapper: dict) -> None:
    with DefaultScope.overwrite_default_scope('cld_mm'):
        DATASETS.register_module(module=_Pictures, force=True)
        inner = {'type': '_Pictures', 'ann_file': '', 'pipeline': [{'type': 'Wrong'}]}
        wrapped = {**wrapper, 'dataset': inner}
        held = InMemoryViews(wrapped, num_views=1, size=32)
        twice = {'type': 'ConcatDataset', 'datasets': [wrapped, inner]}
        together = InMemoryViews(twice, num_views=1, size=32)
    assert len(held) > 0
    assert len(together) == len(held) + 12
    assert sorted(set(held.labels.tolist())) == [0, 1, 2]
