"""What holds for every grouping: settings, warnings, features that are not finite."""

from typing import Any

import pytest
import torch

from cld_mm.models.grouping import (
    KMeansGrouping,
    NormalizedCutsGrouping,
    base,
    kmeans,
    normalized_cuts,
)

pytestmark = pytest.mark.filterwarnings('ignore:num_groups is')


def test_more_groups_than_images_warns_once_with_both_numbers() -> None:
    base._warned_sizes.clear()
    with pytest.warns(UserWarning, match='num_groups is 9, but only 4 images') as seen:
        groups, _ = (kmeans(torch.randn(4, 3), 9) for _ in range(2))
    assert len(seen) == 1
    assert groups.labels.tolist() == [0, 1, 2, 3]
    assert not groups.centroids[4:].any()


@pytest.mark.parametrize('kind', [KMeansGrouping, NormalizedCutsGrouping])
def test_settings_below_one_are_named(kind: Any) -> None:
    with pytest.raises(ValueError, match='num_groups must be >= 1, got 0'):
        kind(num_groups=0)
    with pytest.raises(ValueError, match='num_iters must be >= 1, got 0'):
        kind(num_groups=2, num_iters=0)


@pytest.mark.parametrize('grouping', [kmeans, normalized_cuts])
@pytest.mark.parametrize('odd', [float('nan'), float('inf')])
def test_a_feature_that_is_not_finite_shows_in_the_centroids(
    grouping: Any, odd: float
) -> None:
    features = torch.randn(9, 4, generator=torch.Generator().manual_seed(0))
    features[5, 2] = odd
    groups = grouping(features, 3)  # no error: NonFiniteLossHook names the images
    assert groups.counts.sum() == 9
    assert not groups.centroids[groups.labels[5]].isfinite().all()
