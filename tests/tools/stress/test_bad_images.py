"""Damaged images through the stress test, and its judge."""

from typing import Any

import numpy as np
import pytest

from tests.helpers.run_tools import load_program


@pytest.fixture(scope='module')
def bad_images() -> Any:
    """The program as a module."""
    return load_program('tools/stress/bad_images.py')


@pytest.mark.slow
def test_damaged_images_are_refused_or_right(bad_images: Any) -> None:
    counts = bad_images.run(images=400, seed=11)
    assert counts['images'] == counts['returned'] + counts['refused'] == 400
    faults = ('worker_crashes', 'hangs', 'silent_wrong', 'path_not_named')
    assert {name: counts[name] for name in faults} == dict.fromkeys(faults, 0)
    assert counts['returned'] > 40


def test_a_wrong_image_is_noticed(bad_images: Any) -> None:
    data = bad_images.bases(np.random.default_rng(0))[0]
    right = bad_images.strict(data)[..., ::-1]
    assert not bad_images.is_wrong(data, right)
    assert bad_images.is_wrong(data, right[::-1])
    assert bad_images.is_wrong(data[:-200], right)
