"""Weighted k-nearest-neighbour classification of frozen features.

Source: NPID (arXiv 1805.01978), section 3.4, which CLD's evaluation follows:
cosine similarity s, each of the k nearest training images votes for its class
with weight exp(s / T).
"""

import warnings

import torch
from torch import Tensor
from torch.nn import functional as F


@torch.no_grad()
def knn_classify(
    train_features: Tensor,
    train_labels: Tensor,
    test_features: Tensor,
    k: int = 200,
    temperature: float = 0.1,
    num_classes: int | None = None,
    chunk_elements: int = 2**25,
) -> Tensor:
    """Class scores of test features by their nearest training features.

    Args:
        train_features: ``(N, C)``, of any length; rows are normalised here.
        train_labels: ``(N,)`` integers from 0.
        test_features: ``(M, C)``.
        k: neighbours that vote; more than N are clamped to N with a warning.
        temperature: T.
        num_classes: number of scores; by default the largest label plus one.
        chunk_elements: bound on the similarities held at once; the default
            takes 128 MiB.

    Returns:
        Each class's share of the votes, ``(M, num_classes)``, rows sum to 1.

    Raises:
        ValueError: k or the temperature is not above 0, there is no training
            feature, sizes do not fit, or a feature is not finite.
    """
    if k < 1 or not temperature > 0:
        raise ValueError(
            f'k is {k} and temperature {temperature}, but both must be '
            'above 0: the recipes use k=200 and T=0.1 or 0.07.'
        )
    num_train = len(train_features)
    if num_train == 0 or len(train_labels) != num_train:
        raise ValueError(
            f'there are {num_train} training features and '
            f'{len(train_labels)} labels: kNN needs one label for each '
            'of at least one feature.'
        )
    for name, features in (('training', train_features), ('test', test_features)):
        if not features.isfinite().all():
            raise ValueError(
                f'the {name} features hold NaN or infinity: the checkpoint '
                'or the images are broken.'
            )
    if k > num_train:
        warnings.warn(
            f'k is {k}, but there are only {num_train} training images: '
            f'all {num_train} vote.',
            stacklevel=2,
        )
        k = num_train
    num_classes = num_classes or int(train_labels.max()) + 1
    train = F.normalize(train_features.float(), dim=1).t().contiguous()
    test = F.normalize(test_features.float(), dim=1)
    chunks = test.split(max(1, chunk_elements // num_train))
    scores = [
        _votes(chunk @ train, train_labels, k, temperature, num_classes)
        for chunk in chunks
    ]
    return torch.cat(scores) if scores else test.new_zeros(0, num_classes)


def _votes(
    similarity: Tensor, labels: Tensor, k: int, temperature: float, num_classes: int
) -> Tensor:
    nearest, rows = similarity.topk(k, dim=1)
    # softmax is exp(s/T) over the row's sum, without its overflow at small T
    weights = (nearest / temperature).softmax(dim=1)
    scores = similarity.new_zeros(len(similarity), num_classes)
    return scores.scatter_add_(1, labels[rows], weights)
