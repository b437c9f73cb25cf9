"""Registered metrics of frozen features, alone and as val_evaluator of KNNLoop."""

from collections.abc import Iterator

import pytest
import torch
from mmengine.evaluator import Evaluator
from mmpretrain.structures import DataSample

from cld_mm.evaluation import (
    FeatureMetric,
    FrozenFeatures,
    feature_metrics,
    group_features,
    group_quality,
    knn_classify,
    retrieval,
)
from cld_mm.registry import METRICS

pytestmark = pytest.mark.filterwarnings('ignore:k is')


@pytest.fixture
def features() -> FrozenFeatures:
    torch.manual_seed(0)
    centers = torch.randn(3, 8)
    train_labels, labels = torch.arange(60) % 3, torch.arange(24) % 3
    train, test = (centers[y] + torch.randn(len(y), 8) for y in (train_labels, labels))
    return FrozenFeatures(train, train_labels, test, labels)


def measured(features: FrozenFeatures, **settings: object) -> dict[str, float]:
    found = [metric.measure(features) for metric in feature_metrics(**settings)]
    return {key: value for values in found for key, value in values.items()}


def test_values_are_those_of_the_functions(features: FrozenFeatures) -> None:
    values = measured(features, k=7, temperature=0.2, num_groups=4)
    scores = knn_classify(*features[:3], 7, 0.2, 3)
    top1 = 100 * float((scores.argmax(1) == features.labels).float().mean())
    assert values['knn_top1_all'] == pytest.approx(top1)
    unit = torch.nn.functional.normalize(features.test, dim=1)
    nmi = group_quality(group_features(unit, 4, 50), features.labels)['nmi']
    assert values['nmi'] == pytest.approx(nmi)
    found = retrieval(*features[2:], *features[:2])
    assert values['map'] == pytest.approx(found['map'])
    assert values['effective_rank'] > 1


@pytest.fixture
def their_metric() -> Iterator[str]:
    @METRICS.register_module(name='TheirNorm')
    class TheirNorm(FeatureMetric):
        default_prefix = 'their'

        def measure(self, features: FrozenFeatures) -> dict[str, float]:
            return {'norm': float(features.test.norm(dim=1).mean())}

    yield 'TheirNorm'
    METRICS.module_dict.pop('TheirNorm')


def test_a_metric_of_somebody_else_is_found(
    features: FrozenFeatures, their_metric: str
) -> None:
    expected = float(features.test.norm(dim=1).mean())
    assert measured(features)['norm'] == pytest.approx(expected)


def test_metrics_work_in_an_evaluator(
    features: FrozenFeatures, their_metric: str
) -> None:
    kinds = 'GroupAgreement', their_metric
    evaluator = Evaluator([METRICS.build({'type': kind}) for kind in kinds])
    samples = []
    for feature, label in zip(features.test, features.labels, strict=True):
        sample = DataSample().set_gt_label(label)
        sample.set_field(feature, 'feature')
        samples.append(sample)
    for metric in evaluator.metrics:
        metric.gallery = features.train, features.train_labels
    evaluator.process(samples)
    values = evaluator.evaluate(len(samples))
    assert {'groups/nmi', 'groups/purity', 'their/norm'} <= set(values)
    assert values['groups/nmi'] == pytest.approx(measured(features)['nmi'])


def test_without_features_the_loop_is_named() -> None:
    evaluator = Evaluator([METRICS.build({'type': 'FeatureGeometry'})])
    with pytest.raises(ValueError, match="val_cfg=dict\\(type='KNNLoop'"):
        evaluator.process([DataSample().set_gt_label(1)])
