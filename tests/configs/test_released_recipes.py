"""The recipes are the release's: learning rates, views, initial weights, batches."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.registry import DefaultScope
from torch import nn

from cld_mm.registry import MODELS, PARAM_SCHEDULERS, TRANSFORMS

CONFIGS = Path(__file__).resolve().parents[2] / 'configs'
STEPS = 20  # iterations per epoch


def mean_rates(name: str, epochs: Any) -> list:
    """Mean learning rate of each epoch, stepped as mmengine's hook steps it."""
    cfg = Config.fromfile(CONFIGS / f'{name}.py')
    optimizer = torch.optim.SGD(
        [nn.Parameter(torch.zeros(1))], lr=cfg.optim_wrapper.optimizer.lr
    )
    schedulers = cfg.param_scheduler
    schedulers = schedulers if isinstance(schedulers, list) else [schedulers]
    built = [
        PARAM_SCHEDULERS.build(
            dict(one), default_args={'optimizer': optimizer, 'epoch_length': STEPS}
        )
        for one in schedulers
    ]
    means = []
    for _ in range(epochs):
        rates = []
        for _ in range(STEPS):
            rates.append(optimizer.param_groups[0]['lr'])
            optimizer.step()
            for one in built:
                if not one.by_epoch:
                    one.step()
        for one in built:
            if one.by_epoch:
                one.step()
        means.append(np.mean(rates))
    return means


CIFAR = {0: 0.00624, 1: 0.01812, 4: 0.05376, 5: 0.06000}
CIFAR_128 = {epoch: rate / 2 for epoch, rate in CIFAR.items()}
INFOMIN = {0: 0.0279, 1: 0.0657, 4: 0.1789, 5: 0.1982, 50: 0.0970}


@pytest.mark.parametrize(
    ('name', 'expected', 'tolerance'),
    [
        # mmengine's warm-up is one of 5 x 20 iterations shorter.
        ('npid_r18_cifar10_200e', CIFAR, 0.011),
        ('npid_cld_r18_cifar10_200e', CIFAR, 0.011),
        ('npid_cld_r18_cifar100_200e', CIFAR, 0.011),
        ('moco_cld_r18_cifar10_200e', CIFAR, 0.011),
        ('moco_cld_r18_cifar100_200e', CIFAR_128, 0.011),
        ('infomin_cld_r50_100e', INFOMIN, 0.0015),
        ('infomin_cld_mlp_r50_100e', INFOMIN, 0.0015),
    ],
)
def test_mean_learning_rates_are_the_releases(
    name: str, expected: Any, tolerance: float
) -> None:
    means = mean_rates(name, max(expected) + 1)
    found = {epoch: means[epoch] for epoch in expected}
    assert found == pytest.approx(expected, rel=tolerance)


@pytest.mark.parametrize(
    ('name', 'epochs', 'last'),
    [
        ('npid_cld_r18_cifar10_200e', 200, 1e-6),
        ('infomin_r50_100e', 100, 0.03e-3),
        ('infomin_cld_r50_100e', 100, 0.2e-3),
        ('infomin_cld_r50_200e', 200, 0.2e-3),
        ('infomin_cld_mlp_r50_200e', 200, 0.2e-3),
    ],
)
def test_the_learning_rate_ends_at_its_minimum(
    name: str, epochs: int, last: float
) -> None:
    means = mean_rates(name, epochs)
    assert means[-1] == pytest.approx(last, rel=0.5, abs=3e-6)
    assert means[5:] == sorted(means[5:], reverse=True)


@pytest.mark.parametrize(
    'name', ['npid_cld_r18_cifar10_200e', 'moco_cld_r18_cifar100_200e']
)
def test_initial_weights_of_the_cifar_resnet_are_torchs(name: str) -> None:
    cfg = Config.fromfile(CONFIGS / f'{name}.py')
    DefaultScope.get_instance(f'init-{name}', scope_name='cld_mm')
    torch.manual_seed(0)
    backbone = MODELS.build(cfg.model.backbone)
    backbone.init_weights()
    for module in backbone.modules():
        if isinstance(module, nn.Conv2d):
            bound = module.weight[0].numel() ** -0.5  # sqrt(6 / ((1 + 5) fan_in))
            assert module.weight.abs().max() <= bound * (1 + 1e-6)
            assert float(module.weight.std()) == pytest.approx(bound / 3**0.5, rel=0.06)
        if isinstance(module, nn.BatchNorm2d):
            assert (module.weight == 1).all()
            assert (module.bias == 0).all()


@pytest.mark.parametrize('images', [50_000, 1_281_167])
def test_the_last_partial_batch_is_kept(images: int) -> None:
    names = (
        ('npid_r18_cifar10_200e', 'moco_cld_r18_cifar100_200e')
        if images == 50_000
        else ('infomin_r50_100e', 'infomin_cld_r50_200e')
    )
    for name in names:
        loader = Config.fromfile(CONFIGS / f'{name}.py').train_dataloader
        built = torch.utils.data.DataLoader(
            range(images),
            batch_size=loader.batch_size,
            drop_last=loader.get('drop_last', False),
        )
        assert len(built) == -(-images // loader.batch_size)


@pytest.fixture(scope='module')
def infomin_views() -> Any:
    """The config's transforms of a view and of the jigsaw's patches."""
    cfg = Config.fromfile(CONFIGS / 'infomin_cld_r50_100e.py')
    step = cfg.train_dataloader.dataset.pipeline[1]
    DefaultScope.get_instance('infomin-views', scope_name='cld_mm')
    return step.transforms


def photo(seed: int) -> Any:
    """A smooth color image with some texture, BGR bytes."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:256, :256] / 256
    waves = [
        np.sin(2 * np.pi * (a * x + b * y) + c) for a, b, c in rng.uniform(0, 3, (3, 3))
    ]
    image = 128 + 70 * np.stack(waves, -1) + rng.normal(0, 12, (256, 256, 3))
    return image.clip(0, 255).astype(np.uint8)


@pytest.mark.slow
def test_no_view_of_infomin_is_black(infomin_views: Any) -> None:
    steps = [TRANSFORMS.build(dict(step)) for step in infomin_views[0]]
    np.random.seed(0)
    torch.manual_seed(0)
    brightest = []
    for seed in range(150):
        results = {'img': photo(seed % 10)}
        for step in steps:
            results = step(results)
        assert results['img'].shape == (224, 224, 3)
        brightest.append(results['img'].max())
    assert min(brightest) > 30


def randaugment_operation(views: list[torch.Tensor], kind: str) -> Any:
    """One operation of the view's RandAugment, applied always."""
    randaugment = next(s for s in views[0] if s['type'] == 'RandAugment')
    policy = dict(next(p for p in randaugment['policies'] if p['type'] == kind))
    settings = {
        key: randaugment[key]
        for key in ('magnitude_level', 'magnitude_std', 'total_level')
    }
    return TRANSFORMS.build({**policy, **settings, 'prob': 1.0})


def test_posterize_keeps_three_or_four_bits(infomin_views: Any) -> None:
    operation = randaugment_operation(infomin_views, 'Posterize')
    ramp = np.arange(256, dtype=np.uint8).repeat(3).reshape(16, 16, 3)
    np.random.seed(0)
    levels = {len(np.unique(operation({'img': ramp})['img'])) for _ in range(200)}
    assert levels == {8, 16}


def test_solarize_hardly_changes_an_image(infomin_views: Any) -> None:
    operation = randaugment_operation(infomin_views, 'Solarize')
    ramp = np.arange(256, dtype=np.uint8).repeat(3).reshape(16, 16, 3)
    np.random.seed(0)
    changed = [(operation({'img': ramp})['img'] != ramp).mean() for _ in range(200)]
    assert np.median(changed) <= 0.02
    assert max(changed) < 0.3


def test_brightness_is_enhanced_and_never_weakened(infomin_views: Any) -> None:
    operation = randaugment_operation(infomin_views, 'Brightness')
    flat = np.full((8, 8, 3), 100, dtype=np.uint8)
    np.random.seed(0)
    means = [operation({'img': flat})['img'].mean() for _ in range(200)]
    assert min(means) >= 100
    assert np.median(means) == pytest.approx(190, abs=8)


def test_jigsaw_patches_keep_their_colors(infomin_views: Any) -> None:
    kinds = [step['type'] for step in infomin_views[1]]
    steps = [TRANSFORMS.build(dict(step)) for step in infomin_views[1]]
    image = np.zeros((300, 300, 3), dtype=np.uint8)
    image[:] = (200, 100, 50)
    results = {'img': image}
    for step in steps:
        results = step(results)
    patches = np.asarray(results['img']).reshape(-1, 3)
    assert 'JigsawPatches' in kinds
    assert (patches == (200, 100, 50)).all()


def test_the_linear_protocol_of_infomin_has_the_same_randaugment(
    infomin_views: Any,
) -> None:
    path = CONFIGS / 'benchmarks/linear/linear_infomin_r50_imagenet.py'
    pipeline = Config.fromfile(path).train_dataloader.dataset.pipeline
    own = next(step for step in pipeline if step.type == 'RandAugment')
    assert own == next(s for s in infomin_views[0] if s['type'] == 'RandAugment')


def test_a_partial_batch_trains() -> None:
    """The 80 images of CIFAR's last batch are fewer than 128 groups."""
    cfg = Config.fromfile(CONFIGS / 'npid_cld_r18_cifar10_200e.py')
    DefaultScope.get_instance('partial', scope_name='cld_mm')
    cfg.model.update(num_images=200)
    cfg.model.backbone.update(stem_channels=4, base_channels=4)
    cfg.model.neck.update(in_channels=32)
    model = MODELS.build(cfg.model)
    samples = [_Sample(index) for index in range(80)]
    with pytest.warns(UserWarning, match='128'):
        losses = model.loss([torch.randn(80, 3, 32, 32) for _ in range(2)], samples)
    assert all(value.isfinite() for value in losses.values())


class _Sample:
    def __init__(self, index: Any) -> None:
        self.sample_idx = index

    def get(self, name: str) -> Any:
        return self.sample_idx
