"""Low-shot classification: a few labeled images of each class.

Source: the low-shot protocol of Goyal et al. (arXiv 1905.01235), section 6.2; the
classifiers are scikit-learn's.
"""

from collections.abc import Sequence

import numpy as np
from torch import Tensor

from .checks import check_features, check_labels
from .classifiers import CLASSIFIERS, make_classifier
from .progress import progress


def low_shot(
    train_features: Tensor,
    train_labels: Tensor,
    test_features: Tensor,
    test_labels: Tensor,
    shots: Sequence[int] = (1, 2, 4, 8, 16),
    draws: int = 5,
    classifier: str = 'logistic',
    seed: int = 0,
) -> dict[int, tuple[float, float]]:
    """Top-1 by a few images of each class, over random draws.

    Args:
        train_features: ``(N, C)``, to draw from.
        train_labels: ``(N,)``.
        test_features: ``(M, C)``.
        test_labels: ``(M,)``.
        shots: images of each class.
        draws: how often they are drawn.
        classifier: 'logistic' or 'svm'.
        seed: of the draws.

    Returns:
        For each number of shots the mean and the deviation of top-1, in percent.

    Raises:
        ValueError: features are not finite, there is one class only, a class has
            fewer images than shots, the classifier is unknown, or a number is below 1.
    """
    for features, labels, name in (
        (train_features, train_labels, 'training features'),
        (test_features, test_labels, 'test features'),
    ):
        check_features(features, name)
        check_labels(labels, len(features), f'labels of the {name}')
    if classifier not in CLASSIFIERS:
        raise ValueError(
            f'classifier is {classifier!r}, but it must be one of {CLASSIFIERS}.'
        )
    if draws < 1 or min(shots, default=0) < 1:
        raise ValueError(
            f'shots is {list(shots)} and draws {draws}, but one image of a class and '
            'one draw are the least: the protocol takes 1, 2, 4, 8 and 16 images.'
        )
    x, y = train_features.float().numpy(), train_labels.numpy()
    classes, counts = np.unique(y, return_counts=True)
    if len(classes) < 2:
        raise ValueError(
            f'all training images are of class {classes[0]}: a classifier needs two '
            'classes at least.'
        )
    if counts.min() < max(shots):
        raise ValueError(
            f'class {classes[counts.argmin()]} has {counts.min()} training images, but '
            f'{max(shots)} shots are asked for: ask for fewer.'
        )
    test, truth = test_features.float().numpy(), test_labels.numpy()
    results = {}
    for number in shots:
        found = []
        for draw in progress(range(draws), f'{number} shots', 'draw'):
            generator = np.random.default_rng([seed, number, draw])
            rows = np.concatenate(
                [
                    generator.permutation(np.flatnonzero(y == label))[:number]
                    for label in classes
                ]
            )
            model = make_classifier(classifier, seed, max_iter=1000)
            model.fit(x[rows], y[rows])
            found.append(100 * float((model.predict(test) == truth).mean()))
        results[number] = (float(np.mean(found)), float(np.std(found)))
    return results
