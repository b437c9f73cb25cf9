"""Choices of cldmm pretrain hold for every number of images and devices."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cld_mm.apis.pretraining.choices import default_precision
from cld_mm.apis.pretraining.plan import (
    Plan,
    choose_batch_size,
    choose_groups,
    choose_learning_rate,
    choose_momentum,
    choose_queue,
    choose_size,
)
from cld_mm.apis.pretraining.time_budget import plan_epochs

RESNET = {'type': 'ResNet', 'depth': 50}


def plan_of(images: int, devices: int = 1, batch: int = 0) -> Plan:
    plan = Plan(['photos'], images, 'mocov2-cld', 'resnet50', RESNET, devices=devices)
    plan.batch_size = batch
    return plan


@given(st.integers(2, 10**6), st.integers(1, 8), st.integers(2, 4096), st.booleans())
def test_the_batch_fits_memory_and_data(
    images: int, devices: int, most: int, accelerator: bool
) -> None:
    if images < 2 * devices:
        images = 2 * devices
    plan = plan_of(images, devices)
    batch = choose_batch_size(plan, most, accelerator)
    assert 2 <= batch <= most
    assert batch * devices <= images
    assert batch & (batch - 1) == 0  # a power of two


@given(st.integers(2, 10**6), st.integers(1, 256))
def test_the_queue_is_a_multiple_of_the_batch_and_no_longer_than_the_data(
    images: int, batch: int
) -> None:
    batch = min(batch, images)
    plan = plan_of(images, batch=batch)
    queue = choose_queue(plan)
    assert queue % batch == 0
    assert batch <= queue <= max(images, batch)


@given(st.integers(1, 1024), st.integers(1, 8))
def test_groups_hold_two_images_on_average(batch: int, devices: int) -> None:
    plan = plan_of(10**6, devices, batch)
    groups = choose_groups(plan)
    assert 2 <= groups <= 128
    assert groups <= max(2, plan.global_batch // 2)


def test_the_learning_rate_is_linear_in_the_batch() -> None:
    small, large = plan_of(1000, batch=64), plan_of(1000, batch=256)
    assert choose_learning_rate(large) == pytest.approx(4 * choose_learning_rate(small))


def test_short_runs_have_a_faster_momentum_encoder() -> None:
    assert choose_momentum(200_000) == 0.001
    assert choose_momentum(100) == 0.01


@given(st.floats(0.01, 10), st.floats(1, 10**5), st.integers(8, 10**5))
def test_planned_epochs_end_in_time(per: float, left: float, images: int) -> None:
    plan = plan_of(images, batch=8)
    epochs, _ = plan_epochs(plan, per, left)
    assert epochs * plan.iterations * per <= left


def test_too_few_images_are_named() -> None:
    with pytest.raises(ValueError, match='too few for 4 device'):
        choose_batch_size(plan_of(6, devices=4), 100, False)


@pytest.mark.parametrize(
    ('sides', 'accelerator', 'size'),
    [([375] * 9, True, 224), ([375], False, 96), ([32], True, 32), ([28], False, 28)],
)
def test_views_are_no_larger_than_the_images(
    sides: list[int], accelerator: bool, size: int
) -> None:
    assert choose_size(sides, accelerator)[0] == size


@pytest.mark.parametrize(
    ('has_bfloat16', 'wanted'), [(True, 'bfloat16'), (False, 'float32')]
)
def test_precision_follows_the_cpu(
    has_bfloat16: bool, wanted: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from cld_mm.engine import optim_wrappers

    monkeypatch.setattr('torch.cuda.is_available', lambda: False)
    monkeypatch.setattr(optim_wrappers, 'has_bfloat16', lambda if_unknown: has_bfloat16)
    assert default_precision() == wanted
