"""CLDCriterion: grouping and loss in plain torch."""

import subprocess
import sys
import warnings
from typing import Any

import pytest
import torch
from torch.nn import functional as F

from cld_mm.models.criterion import CLDCriterion
from cld_mm.models.grouping import NormalizedCutsGrouping, kmeans
from cld_mm.models.heads import CLDHead
from cld_mm.models.losses import CLDLoss, checks, cld_loss

PROGRAM = """
import sys
from cld_mm.models.criterion import CLDCriterion
import torch
criterion = CLDCriterion(num_groups=4)
features = torch.randn(16, 8, requires_grad=True)
criterion(features, torch.randn(16, 8)).backward()
assert features.grad.abs().sum() > 0
loaded = {name.split('.')[0] for name in sys.modules}
print(loaded & {'mmengine', 'mmcv', 'mmpretrain', 'scipy', 'torchvision'})
"""


@pytest.fixture
def views() -> list:
    torch.manual_seed(0)
    return [F.normalize(torch.randn(24, 8), dim=1) for _ in range(3)]


@pytest.fixture
def unwarned(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, '_checked_devices', set())


def test_needs_only_torch() -> None:
    done = subprocess.run(
        [sys.executable, '-c', PROGRAM], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == 'set()', done.stderr


@pytest.mark.parametrize('mode', ['keep', 'mask'])
def test_two_views_give_the_loss_of_their_groups(
    views: list[torch.Tensor], mode: str
) -> None:
    a, b = views[:2]
    found = CLDCriterion(5, 0.3, empty_groups=mode)(a, b)
    expected = cld_loss(a, b, kmeans(a, 5), kmeans(b, 5), 0.3, mode)
    torch.testing.assert_close(found, expected)


def test_three_views_average_all_pairs(views: list[torch.Tensor]) -> None:
    criterion = CLDCriterion(5, 0.3)
    pairs = [(0, 1), (0, 2), (1, 2)]
    expected = torch.stack([criterion(views[i], views[j]) for i, j in pairs]).mean()
    torch.testing.assert_close(criterion(*views), expected)


def test_statistics_are_those_of_plain_loops(views: list[torch.Tensor]) -> None:
    result = CLDCriterion(5, 0.3).compute(*views[:2])
    hits = [
        int((row @ groups.centroids.t()).argmax()) == int(label)
        for view, groups in zip(views[:2], result.groups[::-1], strict=True)
        for row, label in zip(view, groups.labels, strict=True)
    ]
    assert float(result.group_acc) == pytest.approx(sum(hits) / len(hits))
    used = [len(groups.labels.unique()) for groups in result.groups]
    assert float(result.groups_used) == pytest.approx(sum(used) / 2)


def test_lengths_of_the_features_do_not_matter(
    views: list[torch.Tensor], unwarned: Any
) -> None:
    a, b = views[:2]
    criterion = CLDCriterion(5)
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        torch.testing.assert_close(criterion(30 * a, 0.1 * b), criterion(a, b))


def test_other_groupings_and_losses(views: list[torch.Tensor]) -> None:
    a, b = views[:2]
    grouping = NormalizedCutsGrouping(4)
    criterion = CLDCriterion(grouping=grouping, loss=CLDLoss(0.5))
    expected = cld_loss(a, b, grouping(a), grouping(b), 0.5)
    torch.testing.assert_close(criterion(a, b), expected)


@pytest.mark.parametrize('settings', [{}, {'num_groups': 3, 'grouping': kmeans}])
def test_exactly_one_grouping(settings: dict) -> None:
    with pytest.raises(ValueError, match='either num_groups'):
        CLDCriterion(**settings)


@pytest.mark.parametrize('sizes', [[4], [4, 5]])
def test_views_must_be_two_of_one_shape(sizes: list) -> None:
    with pytest.raises(ValueError, match='two or more views of the same images'):
        CLDCriterion(2)(*[torch.randn(size, 3) for size in sizes])


def loss_function(a: Any, b: Any) -> Any:
    return cld_loss(a, b, kmeans(a, 3), kmeans(b, 3), 0.2)


def loss_module(a: Any, b: Any) -> Any:
    return CLDLoss()(a, b, kmeans(a, 3), kmeans(b, 3))


def head(a: Any, b: Any) -> Any:
    return CLDHead({'num_groups': 3}).loss(a, b)['loss_cld']


@pytest.mark.parametrize('loss', [loss_function, loss_module, head])
@pytest.mark.parametrize('scale', [40, 0.01, 1.1])
def test_features_of_other_lengths_warn_once(
    loss: Any, scale: float, views: list[torch.Tensor], unwarned: Any
) -> None:
    a, b = views[:2]
    with pytest.warns(UserWarning, match='unit length'):
        loss(torch.cat([scale * a[:12], a[12:]]), b)
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        loss(scale * a, b)


@pytest.mark.parametrize('dtype', [torch.float32, torch.float16, torch.bfloat16])
def test_rounded_unit_lengths_do_not_warn(
    dtype: torch.dtype, views: list[torch.Tensor], unwarned: Any
) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        loss_function(views[0].to(dtype), views[1].to(dtype))
