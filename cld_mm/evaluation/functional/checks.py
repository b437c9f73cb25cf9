"""What every measure asks of its features and labels."""

from torch import Tensor


def check_features(features: Tensor, name: str = 'features') -> None:
    """Raise a ValueError unless they are ``(N, C)``, N at least 1, and finite."""
    if features.ndim != 2 or len(features) == 0:
        raise ValueError(
            f'{name} have the shape {tuple(features.shape)}, but (N, C) with at least '
            'one row is needed: pool them, and give a data set that is not empty.'
        )
    if not features.isfinite().all():
        raise ValueError(
            f'the {name} hold NaN or infinity: the checkpoint or the images are broken.'
        )


def check_labels(labels: Tensor, count: int, name: str = 'labels') -> None:
    """Raise a ValueError unless there is one label for each of ``count`` rows."""
    if labels.shape != (count,):
        raise ValueError(
            f'{name} have the shape {tuple(labels.shape)}, but one for each of {count} '
            'rows is needed: give the labels of the same images.'
        )
