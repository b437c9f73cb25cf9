"""On a GPU: the values of a CPU, mixed precision, and NCCL. Skipped without one."""

import copy
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from mmengine.optim import AmpOptimWrapper, OptimWrapper
from torch.testing import assert_close

from cld_mm.augmentation.view_parameters import ViewDistribution
from cld_mm.evaluation.functional.knn_grid import knn_grid
from cld_mm.registry import MODELS
from tests.helpers.run_tools import run_process
from tests.helpers.tiny_models import CLD, numbered_samples, tiny_algorithm
from tests.helpers.training import CONFIG, losses, options

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason='needs a GPU')
ALGORITHMS = ['MoCo', 'NPID', 'NPID-NCE', 'BYOL']


@pytest.fixture(autouse=True)
def full_float32() -> Any:
    """Convolutions of a CPU's exactness."""
    before = torch.backends.cudnn.allow_tf32
    torch.backends.cudnn.allow_tf32 = False
    yield
    torch.backends.cudnn.allow_tf32 = before


def step(name: str, cld: Any, views: list[torch.Tensor], device: str) -> dict:
    """Loss and gradients of a first step."""
    torch.manual_seed(0)
    model = tiny_algorithm(name, cld)
    model.init_weights()
    model = model.to(device)
    inputs = [view.to(device) for view in views[: model.num_views]]
    torch.manual_seed(1)
    losses = model(inputs, numbered_samples(6), mode='loss')
    total, _ = model.parse_losses(losses)
    total.backward()
    found = {n: p.grad for n, p in model.named_parameters() if p.grad is not None}
    return {'loss': total.detach().cpu()} | {n: g.cpu() for n, g in found.items()}


@pytest.mark.parametrize('cld', [None, CLD])
@pytest.mark.parametrize('name', ['MoCo', 'BYOL'])
def test_a_gpu_gives_the_losses_and_gradients_of_a_cpu(
    name: str, cld: Any, views: list[torch.Tensor]
) -> None:
    expected, got = (step(name, cld, views, device) for device in ('cpu', 'cuda'))
    assert expected.keys() == got.keys()
    assert_close(got['loss'], expected['loss'], rtol=1e-4, atol=1e-5)
    size = torch.cat([value.flatten() for value in expected.values()]).norm()
    for key, value in expected.items():
        assert (got[key] - value).norm() < 1e-3 * size, key


@pytest.mark.parametrize('dtype', ['float16', 'bfloat16'])
@pytest.mark.parametrize('name', ALGORITHMS)
def test_mixed_precision_stays_finite_and_learns(
    name: str, dtype: str, views: list[torch.Tensor]
) -> None:
    model = tiny_algorithm(name, CLD).cuda()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.03, momentum=0.9)
    wrapper = AmpOptimWrapper(optimizer=optimizer, dtype=dtype)
    before = copy.deepcopy(model.state_dict())
    for _ in range(5):
        inputs = [view.cuda() for view in views[: model.num_views]]
        data = {'inputs': inputs, 'data_samples': numbered_samples(6)}
        losses = model.train_step(data, wrapper)
        assert torch.isfinite(losses['loss'])
    after = dict(model.named_parameters())
    assert any(not torch.equal(before[name], p) for name, p in after.items())
    assert all(torch.isfinite(p).all() for p in model.parameters())


@pytest.mark.parametrize('kind', ['KMeansGrouping', 'NormalizedCutsGrouping'])
def test_groups_are_those_of_a_cpu(kind: str) -> None:
    grouping = MODELS.build({'type': kind, 'num_groups': 8})
    generator = torch.Generator().manual_seed(0)
    centers = torch.randn(8, 32, generator=generator).repeat(16, 1)
    noise = 0.1 * torch.randn(128, 32, generator=generator)
    features = torch.nn.functional.normalize(centers + noise, dim=1)
    torch.manual_seed(0)
    expected = grouping(features).labels
    torch.manual_seed(0)
    got = grouping(features.cuda()).labels.cpu()
    same = expected[:, None] == expected[None]
    agreement = (same == (got[:, None] == got[None])).float().mean()
    assert agreement > 0.99


def test_views_are_those_of_a_cpu() -> None:
    law = ViewDistribution(
        brightness=0.4, contrast=0.4, saturation=0.4, hue=0.1,
        gray_prob=0.2, blur_prob=0.5,
    )  # fmt: skip
    seeds = np.arange(32, dtype=np.uint64).reshape(2, 16)
    drawn = np.stack([law.draw(row, 32, 32, 32) for row in seeds], axis=1)
    generator = torch.Generator().manual_seed(0)
    images = torch.randint(0, 256, (16, 3, 32, 32), generator=generator)
    batch = {
        'inputs': images.to(torch.uint8),
        'augmentations': torch.from_numpy(drawn),
        'crop_size': 32,
        'data_samples': [],
    }
    settings = {'type': 'ViewsPreprocessor', 'mean': (127.5,) * 3, 'std': (64.0,) * 3}
    expected = MODELS.build(settings)(dict(batch), True)['inputs']
    got = MODELS.build(settings).cuda()(dict(batch), True)['inputs']
    for theirs, ours in zip(expected, got, strict=True):
        assert ours.is_cuda
        assert (ours.cpu() - theirs).abs().mean() < 1e-3


def test_knn_is_that_of_a_cpu() -> None:
    generator = torch.Generator().manual_seed(0)
    train, test = (torch.randn(n, 16, generator=generator) for n in (700, 300))
    labels = torch.randint(0, 5, (1000,), generator=generator)
    known, asked = labels[:700], labels[700:]
    expected = knn_grid(train, known, test, asked, [1, 20, 200])
    got = knn_grid(train.cuda(), known.cuda(), test.cuda(), asked.cuda(), [1, 20, 200])
    assert got == pytest.approx(expected, abs=0.4)


def test_a_step_repeats_itself(views: list[torch.Tensor]) -> None:
    ends = []
    for _ in range(2):
        model = tiny_algorithm('MoCo', CLD).cuda()
        wrapper = OptimWrapper(torch.optim.SGD(model.parameters(), lr=0.1))
        for _ in range(3):
            inputs = [view.cuda() for view in views[: model.num_views]]
            data = {'inputs': inputs, 'data_samples': numbered_samples(6)}
            loss = model.train_step(data, wrapper)['loss']
        ends.append(loss.cpu())
    assert_close(ends[0], ends[1], rtol=1e-4, atol=1e-5)


def test_one_rank_trains_over_nccl_in_float16(digits: Path, tmp_path: Path) -> None:
    words = options(digits, model__cld__grouping__num_groups=3)
    done = run_process(
        'tools/dist_train.sh', CONFIG, 1, '--amp', '--work-dir', tmp_path, *words
    )
    assert 'nccl' in done.stdout + done.stderr
    assert all(np.isfinite(loss) for _, _, loss, _ in losses(tmp_path))
