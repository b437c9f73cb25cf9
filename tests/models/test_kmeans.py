"""k-means: equal to the slow, obvious form; bounded memory; float32 under autocast."""

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional as F
from torch.utils._python_dispatch import TorchDispatchMode

from cld_mm.models.grouping import (
    kmeans,
)

pytestmark = pytest.mark.filterwarnings('ignore:num_groups is')


def slow_kmeans(x: Any, num_groups: Any, num_iters: Any) -> tuple:
    """The rounds as method and paper put them, row by row."""
    centroids = list(x[:num_groups].detach().double())
    for _ in range(num_iters):
        labels: Any = []
        for row in x.detach().double():
            distances = [float(((row - c) ** 2).sum()) for c in centroids]
            labels.append(distances.index(min(distances)))
        labels = torch.tensor(labels)
        means = []
        for group in range(num_groups):
            rows = x[labels == group]
            means.append(rows.mean(0) if len(rows) else torch.zeros(x.shape[1]))
        centroids = [mean.detach().double() for mean in means]
    return labels, torch.stack(means)


@settings(max_examples=90, deadline=None)
@given(
    n=st.integers(1, 40),
    k=st.integers(1, 50),
    c=st.integers(1, 9),
    iters=st.integers(1, 5),
    seed=st.integers(0, 1000),
    copies=st.booleans(),
)
def test_kmeans_is_the_slow_one(
    n: int, k: int, c: int, iters: int, seed: int, copies: bool
) -> None:
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(n, c + 3, generator=generator)
    if copies:
        x = x[torch.randint(0, n, (n,), generator=generator)]
    x = F.normalize(x, dim=1).requires_grad_()
    groups = kmeans(x, k, iters)
    labels, centroids = slow_kmeans(x, k, iters)
    assert torch.equal(groups.labels, labels)
    torch.testing.assert_close(groups.centroids, centroids)
    assert torch.equal(groups.counts, torch.bincount(labels, minlength=k))
    weights = torch.randn(centroids.shape, generator=generator)
    (fast,) = torch.autograd.grad((groups.centroids * weights).sum(), x)
    (slow,) = torch.autograd.grad((centroids * weights).sum(), x)
    torch.testing.assert_close(fast, slow)


def test_duplicates_go_to_the_first_and_leave_a_zero_centroid() -> None:
    row = F.normalize(torch.randn(1, 37), dim=1)
    other = F.normalize(torch.randn(1, 37), dim=1)
    groups = kmeans(torch.cat([row, other, row, row]), 4, 5)
    assert groups.labels.tolist() == [0, 1, 0, 0]
    assert groups.counts.tolist() == [3, 1, 0, 0]
    assert not groups.centroids[2:].any()


def test_equal_rows_are_found_by_their_values_not_their_lengths() -> None:
    rows = torch.tensor(
        [[3.0, 4, 0], [4, 3, 0], [-3, -4, 0], [4, 3, -0.0], [-4, -3, 0]]
    )
    assert kmeans(rows, 5, 1).labels.tolist() == [0, 1, 2, 1, 4]


@pytest.mark.parametrize('offset', [0.0, 1000.0])
def test_close_rows_keep_their_groups(offset: float) -> None:
    """Collapsed or far from zero: the product form must not lose the digits."""
    x = torch.randn(60, 16).double() * 1e-2 + offset
    x = x.float()
    expected = ((x[:, None] - x[None, :7]) ** 2).sum(-1).argmin(1)
    assert torch.equal(kmeans(x, 7, 1).labels, expected)


class Sizes(TorchDispatchMode):
    """Notes how many numbers the largest result has, and how many are alive."""

    def __init__(self) -> None:
        super().__init__()
        self.largest = 0

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple = (), kwargs: Any = None
    ) -> Any:
        out = func(*args, **(kwargs or {}))
        for one in out if isinstance(out, (tuple, list)) else [out]:
            if isinstance(one, torch.Tensor):
                self.largest = max(self.largest, one.numel())
        return out


@pytest.mark.parametrize(('n', 'k', 'c'), [(64, 50, 128), (700, 300, 64)])
def test_no_array_is_larger_than_the_rows_times_groups(n: int, k: int, c: int) -> None:
    # Rows near a plane, which still change their groups in the last round.
    x = F.normalize(torch.randn(n, 2) @ torch.randn(2, c), dim=1)
    with Sizes() as sizes:
        kmeans(x, k, 20)
    assert sizes.largest <= max(n * k, n * c)


@pytest.mark.parametrize('dtype', [torch.float16, torch.bfloat16])
def test_autocast_stays_out(dtype: torch.dtype) -> None:
    x = F.normalize(torch.randn(30, 8), dim=1).to(dtype)
    with torch.autocast('cpu', dtype=torch.bfloat16):
        inside = kmeans(x, 4)
    assert inside.centroids.dtype == torch.float32
    outside = kmeans(x.float(), 4)
    assert torch.equal(inside.labels, outside.labels)
    assert torch.equal(inside.centroids, outside.centroids)


@given(seed=st.integers(0, 100))
@settings(max_examples=20, deadline=None)
def test_permuting_the_rows_after_the_first_k_changes_nothing(seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(25, 6, generator=generator)
    order = torch.cat([torch.arange(5), 5 + torch.randperm(20, generator=generator)])
    one, two = kmeans(x, 5), kmeans(x[order], 5)
    assert torch.equal(one.labels[order], two.labels)
    torch.testing.assert_close(one.centroids, two.centroids)
