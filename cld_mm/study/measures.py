"""What is measured of features: kNN over a range of k, and a linear classifier.

The same functions measure pixels, an untrained network and a trained one.
"""

import warnings
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from mmengine.device import get_device
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from torch import Tensor

from cld_mm.evaluation.functional.knn_grid import knn_grid

STRENGTHS = (1e-4, 1e-3, 1e-2, 1e-1, 1.0)  # C of the logistic regression


def knn_accuracies(
    train: Tensor,
    train_labels: Tensor,
    test: Tensor,
    test_labels: Tensor,
    ks: Sequence[int],
    temperature: float = 0.1,
) -> dict[str, float]:
    """Top-1 in percent for each k that does not exceed the training images.

    Args:
        train: ``(N, C)``.
        train_labels: ``(N,)``.
        test: ``(M, C)``.
        test_labels: ``(M,)``.
        ks: numbers of neighbors.
        temperature: T of the weighted vote.
    """
    device = get_device()
    found = knn_grid(
        train.to(device),
        train_labels.to(device),
        test.to(device),
        test_labels.to(device),
        ks,
        temperature,
    )
    return {str(k): round(top1, 3) for k, top1 in found.items()}


class LogisticFit(NamedTuple):
    """A fitted logistic regression; see :func:`fit_logistic`.

    Attributes:
        model: scikit-learn's.
        mean: of the training features, ``(C,)``.
        scale: their overall standard deviation.
        strength: the chosen C.
    """

    model: LogisticRegression
    mean: Tensor
    scale: Tensor
    strength: float

    def accuracy(self, features: Tensor, labels: Tensor) -> float:
        """Top-1 in percent of ``(M, C)`` features."""
        x = ((features.float() - self.mean) / self.scale).numpy()
        return round(100 * float(self.model.score(x, labels.numpy())), 3)


def fit_logistic(
    features: Tensor,
    labels: Tensor,
    seed: int = 0,
    strengths: Sequence[float] = STRENGTHS,
    max_iter: int = 200,
) -> LogisticFit:
    """Multinomial logistic regression (L2, L-BFGS) on ``(N, C)`` features.

    Features are centered and divided by one number, their overall standard deviation.
    C is chosen on a tenth of the training images, then all of them are fitted.
    """
    mean = features.float().mean(dim=0)
    scale = (features.float() - mean).std().clamp(min=1e-12)
    x, y = ((features.float() - mean) / scale).numpy(), labels.numpy()
    order = np.random.default_rng(seed).permutation(len(x))
    held_out, rest = np.split(order, [max(1, len(x) // 10)])
    # From strong to weak regularization, each fit starts where the last one ended.
    model = LogisticRegression(warm_start=True, max_iter=max_iter)
    with warnings.catch_warnings():
        warnings.simplefilter('ignore', ConvergenceWarning)
        scores = [
            model.set_params(C=c).fit(x[rest], y[rest]).score(x[held_out], y[held_out])
            for c in strengths
        ]
        best = strengths[int(np.argmax(scores))]
        model.set_params(C=best).fit(x, y)
    return LogisticFit(model, mean, scale, best)


def measure_features(
    train: dict[str, Tensor],
    test: dict[str, Tensor],
    ks: Sequence[int],
    temperature: float,
    linear: bool = True,
) -> dict[str, object]:
    """All measures of features as ``extract_features`` returns them.

    Returns:
        ``knn_<name>`` (k to top-1), ``knn_<name>_best``, ``knn_<name>_best_k`` for each
        kind of feature; ``linear`` and ``linear_C``, on 'backbone'.
    """
    labels, test_labels = train['labels'], test['labels']
    measures: dict[str, object] = {}
    for name in train:
        if name == 'labels':
            continue
        knn = knn_accuracies(
            train[name], labels, test[name], test_labels, ks, temperature
        )
        best = max(knn, key=lambda k: knn[k])
        measures[f'knn_{name}'] = knn
        measures[f'knn_{name}_best'] = knn[best]
        measures[f'knn_{name}_best_k'] = int(best)
    if linear:
        fit = fit_logistic(train['backbone'], labels)
        measures['linear'] = fit.accuracy(test['backbone'], test_labels)
        measures['linear_C'] = fit.strength
    return measures


def pixel_features(images: Tensor, mean: Tensor) -> Tensor:
    """Pixels as features ``(N, C·H·W)``, the mean training image removed."""
    return images.flatten(1).float() / 255 - torch.as_tensor(mean)
