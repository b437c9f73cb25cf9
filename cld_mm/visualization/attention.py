"""Where two images are alike: the places that carry their features' cosine.

Source: the decomposition of a pooled dot product over places, as in Stylianou et al.
(Visualizing deep similarity networks, arXiv 1901.00536). It is exact: the maps sum to
the cosine of the pooled features.
"""

from pathlib import Path

import numpy as np
import torch
from matplotlib.figure import Figure
from torch import Tensor
from torch.nn import functional as F

from .style import bare, show_image


@torch.no_grad()
def similarity_maps(one: Tensor, two: Tensor) -> tuple[Tensor, Tensor, float]:
    """Each place's share of the cosine of two pooled feature maps.

    Args:
        one: backbone feature map ``(C, H, W)`` of an image.
        two: that of another, of any size.

    Returns:
        Maps ``(H, W)`` of each, which both sum to the cosine; and the cosine.
    """
    means = [features.mean(dim=(1, 2)) for features in (one, two)]
    lengths = means[0].norm().clamp(min=1e-12) * means[1].norm().clamp(min=1e-12)
    maps = [
        torch.einsum('chw,c->hw', features, mean) / (features[0].numel() * lengths)
        for features, mean in ((one, means[1]), (two, means[0]))
    ]
    return maps[0], maps[1], float(means[0] @ means[1] / lengths)


def plot_similarity(
    images: tuple[np.ndarray, np.ndarray],
    maps: tuple[Tensor, Tensor],
    cosine: float,
    out: Path,
) -> None:
    """Draw both images, and their maps over them, on one scale of colours."""
    figure = Figure(figsize=(8.6, 4.4), layout='constrained')
    top = max(float(m.abs().max()) * m.numel() for m in maps) or 1.0
    grid = figure.subplots(1, 4)
    for place, (image, found) in enumerate(zip(images, maps, strict=True)):
        show_image(grid[2 * place], image)
        grid[2 * place].set_title(f'image {place + 1}', fontsize=10)
        large = F.interpolate(
            found[None, None] * found.numel(),
            size=image.shape[:2],
            mode='bilinear',
            align_corners=False,
        )[0, 0]
        axes = grid[2 * place + 1]
        show_image(axes, image)
        picture = axes.imshow(
            large.numpy(), cmap='PuOr_r', vmin=-top, vmax=top, alpha=0.65
        )
        bare(axes)
        axes.set_title('shares of the cosine', fontsize=10)
    figure.colorbar(
        picture,
        ax=list(grid),
        orientation='horizontal',
        shrink=0.5,
        label='a place times the number of places; the mean of each map is the cosine',
    )
    figure.suptitle(f'cosine {cosine:.3f}', fontsize=11)
    figure.savefig(out, dpi=120)
