"""Accuracy by how often a class occurs in training.

Source: OLTR (arXiv 1904.05160), whose split CLD follows: many (100 images and more),
medium (21 to 99), few (20 and fewer).
"""

import torch
from torch import Tensor

from .checks import check_labels


@torch.no_grad()
def accuracy_by_frequency(
    predictions: Tensor, labels: Tensor, train_counts: Tensor
) -> dict[str, float]:
    """Top-1 in percent, over all images and within each third of the classes.

    Args:
        predictions: predicted class, ``(M,)``.
        labels: true class, ``(M,)``.
        train_counts: training images of each class, ``(num_classes,)``.

    Returns:
        ``all``, ``many``, ``medium`` and ``few``; a part without test images is NaN.

    Raises:
        ValueError: sizes do not fit, there is no image, or a label has no count.
    """
    if len(labels) == 0:
        raise ValueError('there is no test image: give at least one.')
    check_labels(predictions, len(labels), 'predictions')
    wrong = labels[(labels < 0) | (labels >= len(train_counts))]
    if len(wrong):
        raise ValueError(
            f'label {int(wrong[0])} has no count among {len(train_counts)} '
            'classes: give the counts of the training set with the same classes.'
        )
    right = (predictions == labels).double()
    often = train_counts[labels]
    parts = {
        'all': torch.ones_like(often, dtype=torch.bool),
        'many': often >= 100,
        'medium': (often > 20) & (often < 100),
        'few': often <= 20,
    }
    return {name: 100 * float(right[part].mean()) for name, part in parts.items()}
