"""Linear classifiers on cached features: many learning rates in one pass.

Source: the linear protocols of MoCo (arXiv 1911.05722) and InfoMin (arXiv 2005.10243)
on features extracted once, without augmentation; the best learning rate is chosen on a
held-out part of the training images, never on the test images.
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from .checks import check_features, check_labels
from .progress import progress


class LinearFit(NamedTuple):
    """Linear classifiers fitted side by side.

    Attributes:
        learning_rates: one for each classifier.
        held_out: top-1 in percent on the held-out training images, ``(R,)``.
        best: place of the best learning rate.
        weight: of the best, fitted again on all training images, ``(C + 1, classes)``,
            the last row its bias; for standardized features.
        mean: of the training features, ``(C,)``.
        std: their deviation, ``(C,)``.
    """

    learning_rates: tuple[float, ...]
    held_out: Tensor
    best: int
    weight: Tensor
    mean: Tensor
    std: Tensor

    def scores(self, features: Tensor) -> Tensor:
        """Class scores ``(M, classes)`` of ``(M, C)`` features."""
        return _with_ones((features.float() - self.mean) / self.std) @ self.weight


@torch.no_grad()
def fit_linear(
    features: Tensor,
    labels: Tensor,
    learning_rates: Sequence[float] = (0.01, 0.03, 0.1, 0.3, 1.0, 3.0),
    epochs: int = 30,
    batch_size: int = 256,
    weight_decay: float = 0.0,
    held_out: float = 0.1,
    seed: int = 0,
) -> LinearFit:
    """Fit a softmax classifier for each learning rate at once; keep the best.

    SGD with momentum 0.9 and a cosine schedule on standardized features. All
    classifiers see the same batches, as one product with R weight matrices.

    Args:
        features: ``(N, C)`` of the training images.
        labels: ``(N,)`` integers from 0.
        learning_rates: R of them.
        epochs: passes over the training images.
        batch_size: images a step.
        weight_decay: of SGD.
        held_out: fraction of the training images that chooses; in (0, 1).
        seed: of the split and the order.

    Raises:
        ValueError: features are not finite, there are fewer than two classes, a label
            is negative, or a setting is out of range.
    """
    check_features(features)
    check_labels(labels, len(features))
    if len(labels.unique()) < 2:
        raise ValueError(
            f'all {len(labels)} training images are of class {int(labels[0])}: a '
            'classifier needs two classes at least.'
        )
    if labels.min() < 0:
        raise ValueError(
            f'a training image has the label {int(labels.min())}: labels count from 0.'
        )
    if not 0 < held_out < 1 or epochs < 1 or not min(learning_rates) > 0:
        raise ValueError(
            f'held_out is {held_out}, epochs {epochs} and the smallest learning rate '
            f'{min(learning_rates)}: take a share in (0, 1), one epoch or more, and '
            'rates above 0.'
        )
    generator = torch.Generator().manual_seed(seed)
    order = torch.randperm(len(features), generator=generator)
    chosen = min(max(1, round(held_out * len(features))), len(features) - 1)
    mean, std = features.float().mean(dim=0), features.float().std(dim=0)
    # A constant dimension's deviation is rounding alone: nothing to divide by.
    std = std.where(std > 1e-6 * mean.abs() + 1e-12, 1.0)
    x = _with_ones((features.float() - mean) / std)
    classes = int(labels.max()) + 1
    settings = (epochs, batch_size, weight_decay, classes, generator)
    fit, check = order[chosen:], order[:chosen]
    rates = torch.tensor(learning_rates, dtype=torch.float32)
    weights = _descend(x[fit], labels[fit], rates, *settings)
    right = (torch.matmul(x[check], weights).argmax(dim=2) == labels[check]).float()
    # A rate that diverged has classified nothing, whatever its NaNs say.
    sound = weights.isfinite().flatten(1).all(dim=1)
    accuracy = 100 * right.mean(dim=1) * sound
    best = int(accuracy.argmax())
    weight = _descend(x, labels, rates[best : best + 1], *settings)[0]
    return LinearFit(tuple(learning_rates), accuracy, best, weight, mean, std)


def _with_ones(x: Tensor) -> Tensor:
    return torch.cat([x, x.new_ones(len(x), 1)], dim=1)


def _descend(
    x: Tensor,
    labels: Tensor,
    rates: Tensor,
    epochs: int,
    batch_size: int,
    weight_decay: float,
    classes: int,
    generator: torch.Generator,
) -> Tensor:
    """Weights ``(R, C + 1, classes)`` of softmax classifiers, one for each rate."""
    weights = x.new_zeros(len(rates), x.shape[1], classes)
    momentum = torch.zeros_like(weights)
    steps = epochs * -(-len(x) // batch_size)
    step = 0
    for _ in progress(range(epochs), 'linear', 'epoch'):
        for rows in torch.randperm(len(x), generator=generator).split(batch_size):
            batch = x[rows]  # N×(C + 1)
            errors = torch.matmul(batch, weights).softmax(dim=2)  # R×N×classes
            errors -= F.one_hot(labels[rows], classes)
            gradient = torch.matmul(batch.t(), errors) / len(rows)
            momentum.mul_(0.9).add_(gradient).add_(weights, alpha=weight_decay)
            decay = 0.5 * (1 + torch.cos(torch.tensor(torch.pi * step / steps)))
            weights -= (decay * rates)[:, None, None] * momentum
            step += 1
    return weights
