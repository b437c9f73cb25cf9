"""Classifiers side by side learn as each would alone; the choice sees no test image."""

from pathlib import Path
from typing import Any

import pytest
import torch
from mmengine.evaluator import Evaluator
from mmengine.optim import OptimWrapper, build_optim_wrapper
from mmpretrain.structures import DataSample
from torch import nn

from cld_mm.datasets.subsets import HeldOut
from cld_mm.engine.hooks import ChooseLearningRateHook
from cld_mm.registry import METRICS, MODELS

RATES = (0.1, 1.0, 3.0)


def head(rates: Any) -> nn.Module:
    torch.manual_seed(0)
    built = MODELS.build(
        {
            'type': 'LinearSweepHead',
            'num_classes': 4,
            'in_channels': 6,
            'learning_rates': rates,
        }
    )
    with torch.no_grad():
        for classifier in built.classifiers:
            classifier.weight.copy_(torch.arange(24).view(4, 6) / 50)
            classifier.bias.zero_()
    return built


def fit(model: Any, features: Any, samples: Any, multiples: Any) -> None:
    wrapper = build_optim_wrapper(
        model,
        {
            'type': 'OptimWrapper',
            'optimizer': {'type': 'SGD', 'lr': 1.0, 'momentum': 0.9},
            'paramwise_cfg': {
                'custom_keys': {
                    f'classifiers.{i}.': {'lr_mult': rate}
                    for i, rate in enumerate(multiples)
                }
            },
        },
    )
    assert isinstance(wrapper, OptimWrapper)
    for _ in range(5):
        wrapper.update_params(model.loss(features, samples)['loss'])


def data() -> tuple:
    generator = torch.Generator().manual_seed(1)
    labels = torch.randint(0, 4, (20,), generator=generator)
    samples = [DataSample().set_gt_label(int(label)) for label in labels]
    return torch.randn(20, 6, generator=generator), samples, labels


def test_each_learns_as_if_alone() -> None:
    features, samples, _ = data()
    together = head(RATES)
    fit(together, features, samples, RATES)
    for place, rate in enumerate(RATES):
        alone = head((rate,))
        fit(alone, features, samples, (rate,))
        torch.testing.assert_close(
            together.classifiers[place].weight, alone.classifiers[0].weight
        )


def test_the_best_on_held_out_images_is_chosen_and_predicts() -> None:
    features, samples, labels = data()
    built = head(RATES)
    fit(built, features, samples, RATES)
    metric = METRICS.build({'type': 'SweepAccuracy'})
    evaluator = Evaluator(metric)
    evaluator.process(built.predict(features, samples))
    metrics = evaluator.evaluate(20)
    wanted = 100 * (built(features).argmax(2) == labels).float().mean(dim=1)
    assert [metrics[f'sweep/{i}'] for i in range(3)] == pytest.approx(wanted.tolist())

    class Runner:
        model = torch.nn.Module()

    Runner.model.head = built
    ChooseLearningRateHook().after_val_epoch(
        Runner, {'sweep/0': 10.0, 'sweep/1': 5.0, 'sweep/2': 60.0}
    )
    assert int(built.chosen) == 2
    found = built.predict(features, samples)
    torch.testing.assert_close(
        torch.stack([s.pred_score for s in found]), built(features)[2].softmax(dim=1)
    )


def test_a_learning_rate_twice_is_refused() -> None:
    with pytest.raises(ValueError, match='each once'):
        head((0.1, 0.1))


def test_held_out_and_fit_are_a_partition(digits: Path) -> None:
    config = {
        'type': 'CheckedFashionMNIST',
        'data_root': str(digits),
        'split': 'train',
        'indices': 200,
        'download': False,
        'pipeline': [],
    }
    whole = HeldOut(config, 'fit', 0.2, seed=3), HeldOut(config, 'held_out', 0.2, 3)
    images = [
        {part.get_data_info(i)['img'].tobytes() for i in range(len(part))}
        for part in whole
    ]
    assert len(whole[0]) + len(whole[1]) == 200
    assert not images[0] & images[1]
    with pytest.raises(ValueError, match='fraction in'):
        HeldOut(config, 'fit', 1.5)
