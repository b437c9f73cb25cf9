"""Pooling of a backbone's output to one feature per image."""

from collections.abc import Sequence

from torch import Tensor
from torch.nn import functional as F


def pooled(feats: Tensor | Sequence[Tensor]) -> Tensor:
    """Global average of a backbone's last output, ``(N, C)``.

    Args:
        feats: vectors ``(N, C)``, tokens ``(N, L, C)``, maps ``(N, C, H, W)``, or a
            sequence whose last item is one of these, as mmpretrain's backbones return.

    Raises:
        ValueError: it is none of these.
    """
    x = feats if isinstance(feats, Tensor) else feats[-1]
    if x.ndim == 4:
        # Unlike mean's, its gradient keeps channels_last, and the backbone its speed.
        return F.avg_pool2d(x, x.shape[-2:]).flatten(1)
    if x.ndim not in (2, 3):
        raise ValueError(
            'Pooling needs features (N, C), (N, L, C) or (N, C, H, W), but the '
            f'backbone returns {tuple(x.shape)}.'
        )
    return x.mean(dim=1) if x.ndim == 3 else x


def check_channels(x: Tensor, in_channels: int, neck: object) -> None:
    """Raise a ValueError unless pooled features have the size that a neck expects."""
    if x.shape[-1] != in_channels:
        raise ValueError(
            f'The backbone returns features of size {x.shape[-1]}, but in_channels of '
            f'{type(neck).__name__} is {in_channels}; leave it out to infer it.'
        )
