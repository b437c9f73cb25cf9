"""Checks that the measures share."""

import torch
from torch import Tensor


def check_features(features: Tensor, name: str = 'features') -> None:
    """Raise a ValueError unless they are ``(N, C)`` with N >= 1, and finite."""
    if features.ndim != 2 or len(features) == 0:
        raise ValueError(
            f'The {name} must have shape (N, C) with N >= 1, got '
            f'{tuple(features.shape)}.'
        )
    if not torch.stack(features.aminmax()).isfinite().all():  # one pass, no mask
        raise ValueError(
            f'The {name} hold NaN or infinity; check the checkpoint and the images.'
        )


def check_labels(labels: Tensor, count: int, name: str = 'labels') -> None:
    """Raise a ValueError unless there is one label for each of ``count`` rows."""
    if labels.shape != (count,):
        raise ValueError(
            f'The {name} must have shape ({count},), one per image, got '
            f'{tuple(labels.shape)}.'
        )
