"""Agreement of two encodings of the same images."""

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from cld_mm.evaluation.stability import group_agreement, neighbor_overlap, neighbor_sets


def clouds(seed: int, noise: float = 0.1) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    centers = torch.eye(4, 16).repeat_interleave(25, dim=0)
    return centers + noise * torch.randn(100, 16, generator=generator)


def test_views_of_clear_groups_agree() -> None:
    assert group_agreement(clouds(0), clouds(1), 4) == pytest.approx(1)


def test_unrelated_features_agree_by_chance_only() -> None:
    one, two = (torch.randn(200, 16) for _ in range(2))
    assert abs(group_agreement(one, two, 8)) < 0.15


def test_neighbors_are_the_most_similar_other_images() -> None:
    features = torch.randn(30, 5)
    cosine = F.normalize(features, dim=1) @ F.normalize(features, dim=1).t()
    for row, found in enumerate(neighbor_sets(features, 4)):
        others = [i for i in np.argsort(-cosine[row].numpy()) if i != row]
        assert set(found.tolist()) == set(others[:4])


def test_overlap_is_the_shared_fraction_in_any_order() -> None:
    one = torch.tensor([[1, 2, 3], [4, 5, 6]])
    two = torch.tensor([[3, 9, 1], [6, 5, 4]])
    assert neighbor_overlap(one, two) == pytest.approx((2 / 3 + 1) / 2)
