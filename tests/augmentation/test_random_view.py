"""RandomView against torchvision's transforms on PIL images, on CPU and as a batch."""

import random
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from mmcv.transforms import Compose
from mmengine.registry import DefaultScope
from PIL import Image, ImageFilter
from torchvision import transforms
from torchvision.transforms import InterpolationMode
from torchvision.transforms import functional as F

from cld_mm.augmentation import color_numpy as color
from cld_mm.augmentation.color_batch import blur_batch, turn_hue_batch
from cld_mm.augmentation.crop_numpy import crop_and_resize
from cld_mm.datasets.samplers.seeded_sampler import SeededIndex, mix_seed
from cld_mm.datasets.transforms import (
    CROP,
    Column,
    RandomView,
    ViewDistribution,
    collate_views,
)
from cld_mm.models.data_preprocessors import ViewsPreprocessor, augment_batch
from tests.helpers.distributions import LIMIT, furthest, measures
from tests.helpers.photos import B224, photo


def difference(one: Any, two: Any) -> tuple:
    gap = np.asarray(one).astype(float) - np.asarray(two)
    return abs(gap.mean()), np.abs(gap).mean(), np.abs(gap).max()


@pytest.mark.parametrize('interpolation', ['bilinear', 'bicubic'])
@pytest.mark.parametrize('box', [(3, 5, 50, 70), (10, 7, 20, 15), (0, 0, 60, 80)])
def test_crop_is_pils(box: tuple, interpolation: str) -> None:
    mode = InterpolationMode(interpolation)
    wanted = F.resized_crop(Image.fromarray(photo()), *box, (32, 32), mode)
    found = crop_and_resize(photo(), box, 32, interpolation)
    _, mean, largest = difference(found, wanted)
    assert mean < 0.05
    assert largest <= 2
    gray = crop_and_resize(photo()[..., 0].copy(), box, 32, interpolation)
    assert np.array_equal(gray, found[..., 0])


@pytest.mark.parametrize('order', ['rgb', 'bgr'])
def test_operations_are_torchvisions(order: str) -> None:
    image = photo()
    pil = Image.fromarray(image)

    def check(changed: Any, wanted: Any, bias: Any, mean: Any, largest: Any) -> None:
        changed = changed if order == 'rgb' else changed[..., ::-1]
        found = difference(changed, wanted)
        assert np.all(np.array(found) <= (bias, mean, largest)), found

    given = image if order == 'rgb' else np.ascontiguousarray(image[..., ::-1])
    level = color.mean_gray(given, order)
    for f in (0.6, 0.95, 1.4):
        check(color._blend(given, f, 0.0), F.adjust_brightness(pil, f), 0, 0, 0)
        check(color._blend(given, f, level), F.adjust_contrast(pil, f), 0, 0, 0)
        check(color.saturate(given, f, order), F.adjust_saturation(pil, f), 0.2, 0.2, 1)
    for turn in (-0.4, -0.1, 0.05, 0.1):
        check(color.turn_hue(given, turn, order), F.adjust_hue(pil, turn), 0.3, 0.5, 9)
    for sigma in (0.1, 0.5, 1.0, 2.0):
        wanted = pil.filter(ImageFilter.GaussianBlur(sigma))  # three boxes
        check(color.blur(given, sigma), wanted, 0.6, 1.0, 24)


def row(**values: Any) -> Any:
    """Parameters that change nothing but what is named."""
    drawn = ViewDistribution(flip_prob=0).draw(np.array([1], dtype=np.uint64), 9, 9)[0]
    for name, value in values.items():
        drawn[Column[name]] = value
    return drawn


def test_order_gray_and_solarization_are_torchvisions() -> None:
    image = photo()
    pil = Image.fromarray(image)
    drawn = row(BRIGHTNESS=1.4, CONTRAST=0.6)
    for first, wanted in (
        (Column.BRIGHTNESS, F.adjust_contrast(F.adjust_brightness(pil, 1.4), 0.6)),
        (Column.CONTRAST, F.adjust_brightness(F.adjust_contrast(pil, 0.6), 1.4)),
    ):
        order = [first, *({1, 2, 3, 4} - {int(first)})]
        drawn[Column.FIRST : Column.GRAY] = order
        assert difference(color.apply_color(image, drawn, 'rgb'), wanted)[2] == 0
    gray = color.apply_color(image, row(GRAY=1), 'rgb')
    assert difference(gray, F.to_grayscale(pil, 3))[2] <= 1
    inverted = color.apply_color(image, row(SOLARIZE=128), 'rgb')
    assert np.array_equal(inverted, F.solarize(pil, 128))


@pytest.fixture(scope='module')
def pils_views() -> list:
    blur = transforms.Lambda(
        lambda image: image.filter(ImageFilter.GaussianBlur(random.uniform(0.1, 2)))
    )
    view = transforms.Compose(
        [
            transforms.RandomResizedCrop(32, (0.2, 1.0)),
            transforms.RandomApply([transforms.ColorJitter(0.4, 0.4, 0.4, 0.1)], 0.8),
            transforms.RandomGrayscale(0.2),
            transforms.RandomApply([blur], 0.5),
            transforms.RandomHorizontalFlip(),
        ]
    )
    torch.manual_seed(0)
    random.seed(0)
    return [
        np.array(view(image))
        for image in [Image.fromarray(photo(seed)) for seed in range(4)]
        for _ in range(1000)
    ]


def our_views(on_device: bool = False, count: int = 1000, **changed: Any) -> Any:
    view = RandomView(
        32, channel_order='rgb', on_device=on_device, **{**B224, **changed}
    )
    views, drawn = [], []
    for seed in range(4):
        image = photo(seed)
        for place in range(count):
            made = view({'img': image, 'view_seed': mix_seed(3, seed, place)})
            views.append(made['img'])
            drawn.append(made.get('augmentation'))
    if on_device:
        batch = torch.from_numpy(np.stack(views)).permute(0, 3, 1, 2).float()
        batch = augment_batch(batch, torch.from_numpy(np.stack(drawn)))
        return list(batch.permute(0, 2, 3, 1).numpy())
    return views


@pytest.mark.parametrize('on_device', [False, True])
def test_distribution_is_that_of_pil(pils_views: Any, on_device: bool) -> None:
    ours = our_views(on_device)
    assert furthest(pils_views, ours) < LIMIT
    ours, theirs = measures(ours), measures(pils_views)
    error = theirs.std(0) * (2 / len(theirs)) ** 0.5
    assert (np.abs(ours.mean(0) - theirs.mean(0)) < 4 * error).all()
    assert (np.abs(ours.std(0) / theirs.std(0) - 1) < 0.06).all()


def test_cifars_distribution_is_that_of_pil() -> None:
    """A32 and A96: strong hue, jitter always, no blur."""
    view = transforms.Compose(
        [
            transforms.RandomResizedCrop(32, (0.2, 1.0)),
            transforms.ColorJitter(0.4, 0.4, 0.4, 0.4),
            transforms.RandomGrayscale(0.2),
            transforms.RandomHorizontalFlip(),
        ]
    )
    torch.manual_seed(0)
    images = [Image.fromarray(photo(seed)) for seed in range(4)]
    theirs = [np.array(view(image)) for image in images for _ in range(400)]
    ours = our_views(count=400, hue=0.4, jitter_prob=1.0, blur_prob=0.0)
    assert furthest(theirs, ours) < LIMIT * (4000 / len(ours)) ** 0.5


@pytest.mark.parametrize('on_device', [False, True])
def test_histogram_is_that_of_pil(pils_views: Any, on_device: bool) -> None:
    counts = [
        np.histogram(np.stack(views), bins=64, range=(0, 256), density=True)[0] * 4
        for views in (pils_views, our_views(on_device))
    ]
    assert np.abs(counts[0] - counts[1]).sum() < 0.03


@pytest.mark.slow
@pytest.mark.parametrize(
    'wrong',
    [
        {'brightness': 0.2},
        {'contrast': 0.1},
        {'saturation': 0.0},
        {'hue': 0.02},
        {'jitter_prob': 0.5},
        {'gray_prob': 0.1},
        {'blur_prob': 0.35},
        {'blur_sigma': (0.1, 1.0)},
        {'scale': (0.6, 1.0)},
        {'flip_prob': 0.0},
    ],
    ids=lambda wrong: next(iter(wrong)),
)
def test_a_wrong_setting_would_be_noticed(pils_views: Any, wrong: dict) -> None:
    assert furthest(pils_views, our_views(**wrong)) > LIMIT


def test_hue_and_blur_of_a_batch_are_exact() -> None:
    batch = torch.from_numpy(photo()).permute(2, 0, 1)[None].float()
    turned = turn_hue_batch(batch / 255, torch.tensor([0.07])) * 255
    wanted = F.adjust_hue(batch / 255, 0.07) * 255  # torchvision's, on floats
    torch.testing.assert_close(turned, wanted, atol=0.01, rtol=0)
    kernel = cv2.getGaussianKernel(9, 1.2)
    wanted = cv2.sepFilter2D(
        photo().astype(np.float64), -1, kernel, kernel, borderType=cv2.BORDER_REPLICATE
    )
    blurred = blur_batch(batch, torch.tensor([1.2]))[0].permute(1, 2, 0)
    np.testing.assert_allclose(blurred.numpy(), wanted, atol=1e-3)


@pytest.mark.parametrize('gray', [False, True])
def test_device_and_worker_agree_image_by_image(gray: bool) -> None:
    """The whole way, blue first: pipeline, collate, preprocessor."""
    DefaultScope.get_instance('views', scope_name='cld_mm')
    image = np.ascontiguousarray(photo()[..., ::-1])
    image = image[..., 0].copy() if gray else image
    prepared = []
    for on_device in (False, True):
        view = {'type': 'RandomView', 'size': 32, 'solarize_prob': 0.2, **B224}
        pipeline = Compose(
            [
                {
                    'type': 'SeededMultiView',
                    'num_views': [3],
                    'transforms': [[{**view, 'on_device': on_device}]],
                },
                {'type': 'PackViews'},
            ]
        )
        samples = [
            pipeline({'img': image, 'sample_idx': SeededIndex(i, mix_seed(0, 0, i))})
            for i in range(40)
        ]
        batch = collate_views(samples)
        assert ('augmentations' in batch) == on_device
        assert batch['inputs'][0].dtype == torch.uint8
        preprocessor = ViewsPreprocessor(
            mean=[100.0] * (1 if gray else 3),
            std=[50.0] * (1 if gray else 3),
            to_rgb=not gray,
        )
        done = preprocessor(batch, True)
        assert len(done['data_samples']) == 40
        prepared.append(torch.stack(done['inputs']))
    assert prepared[0].shape == (3, 40, 1 if gray else 3, 32, 32)
    gap = (prepared[0] - prepared[1]).abs() * 50
    assert gap.mean() < 1.5
    # Solarising turns a level's rounding at the threshold into 255 - 2·threshold.
    assert (gap > 8).float().mean() < 0.01


def test_the_device_augments_in_full_precision() -> None:
    """Also inside mixed precision's context, where a training step preprocesses."""
    law = ViewDistribution(**{**B224, 'blur_prob': 1.0})
    drawn = law.draw(np.array([mix_seed(0, 0, 0)] * 2, dtype=np.uint64), 60, 80)
    batch = torch.from_numpy(photo())[None].repeat(2, 1, 1, 1).permute(0, 3, 1, 2)
    done = []
    for enabled in (False, True):
        data = {'inputs': [batch], 'augmentations': torch.from_numpy(drawn)[:, None]}
        with torch.autocast('cpu', torch.bfloat16, enabled=enabled):
            done.append(ViewsPreprocessor()(data, True)['inputs'][0])
    assert torch.equal(*done)


@settings(max_examples=50, deadline=None)
@given(
    st.integers(0, 2**64 - 1),
    st.integers(1, 600),
    st.integers(1, 600),
    st.floats(0.01, 1),
)
def test_crops_lie_inside_and_rows_are_alone(
    seed: int, height: Any, width: Any, low: Any
) -> None:
    law = ViewDistribution(scale=(low, 1.0), **B224)
    seeds = np.array([mix_seed(seed, 0, i) for i in range(8)], dtype=np.uint64)
    drawn = law.draw(seeds, height, width)
    top, left, high, wide = drawn[:, CROP].T
    for start, length, limit in ((top, high, height), (left, wide, width)):
        assert start.min() >= 0
        assert length.min() >= 1
        assert (start + length).max() <= limit
    assert np.array_equal(drawn[5:6], law.draw(seeds[5:6], height, width))
    order = np.sort(drawn[:, Column.FIRST : Column.GRAY], axis=1)
    assert np.array_equal(order, np.tile([1, 2, 3, 4], (8, 1)))


@pytest.mark.parametrize(
    ('wrong', 'message'),
    [
        ({'flip_prob': 2}, 'flip_prob must be in'),
        ({'scale': (0.5, 1.5)}, 'scale goes up to 1.5'),
        ({'ratio': (2, 1)}, r'ratio is \(2, 1\)'),
        ({'hue': 0.7}, 'hue 0.5 at most'),
        ({'brigthness': 0.4}, 'has no setting'),
        ({'size': 0}, 'size is 0'),
        ({'channel_order': 'grb'}, "channel_order is 'grb'"),
    ],
)
def test_errors(wrong: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        RandomView(**{'size': 32, **wrong})
