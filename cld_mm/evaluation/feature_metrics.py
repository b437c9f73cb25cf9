"""Metrics of frozen features: for a ``val_evaluator`` with KNNLoop, and evaluate.py.

A registered subclass of FeatureMetric is used by ``tools/evaluate.py`` without further
registration.
"""

import inspect
from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from mmengine.evaluator import BaseMetric
from torch import Tensor
from torch.nn import functional as F

from cld_mm.registry import METRICS

from .functional import (
    accuracy_by_frequency,
    dimension_std,
    effective_rank,
    group_features,
    group_quality,
    knn_classify,
    retrieval,
    uniformity,
)


class FrozenFeatures(NamedTuple):
    """Features of training and test images.

    Attributes:
        train: ``(N, C)``.
        train_labels: ``(N,)``.
        test: ``(M, C)``.
        labels: of the test images, ``(M,)``.
    """

    train: Tensor
    train_labels: Tensor
    test: Tensor
    labels: Tensor

    @property
    def num_classes(self) -> int:
        """The largest label plus one."""
        return int(max(self.train_labels.max(), self.labels.max())) + 1


class FeatureMetric(BaseMetric):
    """Base of metrics of frozen features; a subclass implements :meth:`measure`.

    Attributes:
        gallery: features and labels of the training images; KNNLoop sets it.
    """

    gallery: tuple[Tensor, Tensor] | None = None

    def measure(self, features: FrozenFeatures) -> dict[str, float]:
        """Values by name."""
        raise NotImplementedError

    def process(self, data_batch: Any, data_samples: Sequence[dict]) -> None:
        """Record the features and labels of test images."""
        for sample in data_samples:
            if 'feature' not in sample:
                raise ValueError(
                    f'{type(self).__name__} needs the features of KNNLoop; set '
                    "val_cfg=dict(type='KNNLoop', ...)."
                )
            self.results.append((sample['feature'].cpu(), sample['gt_label'].cpu()))

    def compute_metrics(self, results: list) -> dict[str, float]:
        """The values of all recorded images."""
        if self.gallery is None:
            raise ValueError(f'{type(self).__name__} needs a gallery: use KNNLoop.')
        features, labels = zip(*results, strict=True)
        train, train_labels = (part.cpu() for part in self.gallery)
        test = torch.stack(features), torch.cat(labels)
        return self.measure(FrozenFeatures(train, train_labels, *test))


@METRICS.register_module()
class KNNAccuracy(FeatureMetric):
    """kNN top-1 in percent, over all classes and by their frequency in training.

    Args:
        k: neighbors that vote.
        temperature: T.
        **kwargs: of BaseMetric.
    """

    default_prefix = 'knn'

    def __init__(self, k: int = 200, temperature: float = 0.1, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.k = k
        self.temperature = temperature

    def measure(self, features: FrozenFeatures) -> dict[str, float]:
        """``knn_top1_all``, and of ``many``, ``medium`` and ``few`` training images."""
        classes = features.num_classes
        vote = self.k, self.temperature, classes
        scores = knn_classify(*features[:3], *vote)
        counts = torch.bincount(features.train_labels, minlength=classes)
        parts = accuracy_by_frequency(scores.argmax(dim=1), features.labels, counts)
        return {f'knn_top1_{part}': value for part, value in parts.items()}


@METRICS.register_module()
class GroupAgreement(FeatureMetric):
    """Agreement of k-means groups of the test images with their classes.

    Args:
        num_groups: K; the number of classes by default.
        **kwargs: of BaseMetric.
    """

    default_prefix = 'groups'

    def __init__(self, num_groups: int | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.num_groups = num_groups

    def measure(self, features: FrozenFeatures) -> dict[str, float]:
        """See :func:`group_quality`."""
        unit = F.normalize(features.test, dim=1)
        number = self.num_groups or features.num_classes
        return group_quality(group_features(unit, number, 50), features.labels)


@METRICS.register_module()
class RetrievalPrecision(FeatureMetric):
    """Retrieval of training images of the same class.

    Args:
        ranks: k of precision and recall at k.
        **kwargs: of BaseMetric.
    """

    default_prefix = 'retrieval'

    def __init__(self, ranks: Sequence[int] = (1, 5, 10), **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.ranks = ranks

    def measure(self, features: FrozenFeatures) -> dict[str, float]:
        """See :func:`retrieval`."""
        queries = features.test, features.labels
        return retrieval(*queries, features.train, features.train_labels, self.ranks)


@METRICS.register_module()
class FeatureGeometry(FeatureMetric):
    """Spread of the test images' features on the sphere."""

    default_prefix = 'geometry'

    def measure(self, features: FrozenFeatures) -> dict[str, float]:
        """``uniformity``, ``effective_rank``, ``std_mean`` and ``std_smallest``."""
        spread = dimension_std(features.test)
        return {
            'uniformity': uniformity(features.test),
            'effective_rank': effective_rank(features.test),
            'std_mean': float(spread.mean()),
            'std_smallest': float(spread.min()),
        }


def feature_metrics(**settings: Any) -> list[FeatureMetric]:
    """Every registered FeatureMetric, with those of the settings that it has."""
    METRICS.import_from_location()
    kinds = [
        kind
        for kind in METRICS.module_dict.values()
        if isinstance(kind, type) and issubclass(kind, FeatureMetric)
    ]
    built = []
    for kind in kinds:
        known = inspect.signature(kind).parameters
        built.append(kind(**{k: v for k, v in settings.items() if k in known}))
    return built
