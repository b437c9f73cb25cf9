"""Views follow the seed of their sample; a sample without one is told."""

import warnings
from typing import Any

import numpy as np
import pytest

from cld_mm.datasets import SeededIndex
from cld_mm.datasets.transforms import RandomView, SeededMultiView


def views(sample_idx: Any) -> list[np.ndarray]:
    """Two views of one image, whose place in its dataset is ``sample_idx``."""
    pixels = np.random.default_rng(0).integers(0, 256, (20, 20, 3), dtype=np.uint8)
    multi = SeededMultiView([[RandomView(size=8)]], [2])
    return multi({'img': pixels, 'sample_idx': sample_idx})['img']


def test_the_seed_decides() -> None:
    first, again, other = (views(SeededIndex(3, seed)) for seed in (1, 1, 2))
    assert all(np.array_equal(*pair) for pair in zip(first, again, strict=True))
    assert not np.array_equal(first[0], other[0])
    assert not np.array_equal(first[0], first[1])


def test_a_sample_without_a_seed_warns() -> None:
    with pytest.warns(UserWarning, match='use SeededSampler'):
        views(int(SeededIndex(3, 1)))  # as a wrapper that computes with indices


def test_a_sample_with_a_seed_does_not() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        views(SeededIndex(3, 1))
