"""Erased boxes: torchvision's RandomErasing, done after normalizing, from bytes."""

import numpy as np
import pytest
import torch
from mmcv.transforms import Compose
from mmengine.registry import DefaultScope
from torchvision.transforms import RandomErasing

from cld_mm.datasets.samplers.seeded_sampler import SeededIndex, mix_seed
from cld_mm.datasets.transforms import (
    ERASED,
    RandomView,
    ViewDistribution,
    collate_views,
)
from cld_mm.models.data_preprocessors import ViewsPreprocessor
from tests.helpers.photos import photo


@pytest.mark.parametrize(('size', 'probability'), [(32, 1.0), (7, 0.4)])
def test_boxes_are_drawn_as_torchvisions(size: int, probability: float) -> None:
    seeds = np.array([mix_seed(1, 2, i) for i in range(4000)], dtype=np.uint64)
    law = ViewDistribution(erase_prob=probability)
    drawn = law.draw(seeds, 40, 50, size)
    plain = ViewDistribution().draw(seeds, 40, 50)
    assert np.array_equal(drawn[:, : ERASED.start], plain)  # the rest stays as it was
    ours = drawn[:, ERASED]
    torch.manual_seed(0)
    image, boxes = torch.zeros(3, size, size), []
    for _ in seeds:
        box = RandomErasing.get_params(image, (0.02, 0.33), (0.3, 3.3), [0.0])[:4]
        done = box[2:] != (size, size) and torch.rand(()) < probability
        boxes.append(box if done else (0, 0, 0, 0))
    theirs = np.array(boxes)
    assert (ours[:, :2] + ours[:, 2:]).max() <= size
    assert abs((ours[:, 2] > 0).mean() - (theirs[:, 2] > 0).mean()) < 0.045
    ours, theirs = ours[ours[:, 2] > 0], theirs[theirs[:, 2] > 0]
    for column in range(4):
        a, b = np.sort(ours[:, column]), np.sort(theirs[:, column])
        points = np.arange(size)
        gap = [np.searchsorted(x, points, 'right') / len(x) for x in (a, b)]
        assert np.abs(gap[0] - gap[1]).max() < 0.045 / probability**0.5


@pytest.mark.parametrize('on_device', [False, True])
def test_a_box_is_the_mean_color_and_the_rest_as_without(on_device: bool) -> None:
    DefaultScope.get_instance('erasing', scope_name='cld_mm')
    preprocess = ViewsPreprocessor(mean=[100.0, 90.0, 80.0], std=[50.0, 40.0, 30.0])
    indices = [SeededIndex(i, mix_seed(0, 0, i)) for i in range(8)]
    batches = []
    for probability in (1.0, 0.0):
        settings = {'erase_prob': probability, 'brightness': 0.4, 'blur_prob': 0.5}
        view = {'type': 'RandomView', 'size': 32, 'on_device': on_device, **settings}
        many = {'type': 'SeededMultiView', 'num_views': [2], 'transforms': [[view]]}
        pipeline = Compose([many, {'type': 'PackViews'}])
        made = [pipeline({'img': photo(int(i)), 'sample_idx': i}) for i in indices]
        batches.append(collate_views(made))
        assert batches[-1]['inputs'][0].dtype == torch.uint8
    boxes = batches[0]['augmentations']
    erased, plain = (
        torch.stack(preprocess(batch, True)['inputs'], dim=1) for batch in batches
    )
    for image in range(8):
        for place in range(2):
            top, left, height, width = boxes[image, place, ERASED].int().tolist()
            wanted = plain[image, place].clone()
            wanted[:, top : top + height, left : left + width] = 0
            assert torch.equal(erased[image, place], wanted)
    assert 0.05 < (erased == 0).all(2).float().mean() < 0.4


def test_impossible_boxes_are_errors() -> None:
    for wrong in ({'erase_prob': 2}, {'erase_scale': (0.5, 0.1)}):
        with pytest.raises(ValueError, match=next(iter(wrong))):
            RandomView(32, **wrong)
