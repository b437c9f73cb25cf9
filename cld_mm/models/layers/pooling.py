"""Global average pooling of a backbone's output."""

from collections.abc import Sequence

from torch import Tensor
from torch.nn import functional as F


def pooled(feats: Tensor | Sequence[Tensor]) -> Tensor:
    """Global average of a backbone's last output, ``(N, C)``.

    Args:
        feats: ``(N, C)``, ``(N, C, H, W)``, or a sequence whose last item is one
            of the two, as mmpretrain's backbones return.
    """
    x = feats if isinstance(feats, Tensor) else feats[-1]
    # Unlike mean's, this gradient keeps channels_last, and the backbone its speed.
    return F.avg_pool2d(x, x.shape[-2:]).flatten(1) if x.ndim == 4 else x
