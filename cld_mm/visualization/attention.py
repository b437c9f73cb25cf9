"""Which regions make two images similar: their contributions to the cosine.

Source: the decomposition of a pooled dot product over positions, as in Stylianou et al.
(Visualizing deep similarity networks, arXiv 1901.00536). It is exact: the maps sum to
the cosine of the pooled features.
"""

from pathlib import Path

import matplotlib
import numpy as np
import torch
from matplotlib.figure import Figure
from torch import Tensor
from torch.nn import functional as F

from .style import bare, plain, save, show_image


@torch.no_grad()
def similarity_maps(one: Tensor, two: Tensor) -> tuple[Tensor, Tensor, float]:
    """Contribution of each position to the cosine of two pooled feature maps.

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
    names: tuple[str, str] = ('image 1', 'image 2'),
) -> None:
    """Draw each image and its map over it, on one color scale.

    Args:
        images: as the network saw them, ``(H, W, 1)`` or ``(H, W, 3)`` bytes.
        maps: of each, as ``similarity_maps`` gives them.
        cosine: of the two.
        out: picture to write; its suffix chooses PNG or SVG.
        names: of the two.
    """
    values = [found.numpy() * found.numel() for found in maps]
    low, high = min(v.min() for v in values), max(v.max() for v in values)
    if low < 0:  # diverging colors, white at 0
        high = max(-low, high)
        colors, low = matplotlib.colormaps['PuOr_r'], -high
    else:
        colors = matplotlib.colormaps['viridis']
    scale = matplotlib.colors.Normalize(low, high if high > low else low + 1)
    tall = max(image.shape[0] / image.shape[1] for image in images)
    figure = Figure(figsize=(10, min(8, 2.5 * tall + 1.3)), layout='constrained')
    grid = figure.subplots(1, 4)
    for index, (image, found) in enumerate(zip(images, values, strict=True)):
        show_image(grid[2 * index], image)
        grid[2 * index].set_title(plain(names[index]), fontsize=10)
        large = F.interpolate(
            torch.from_numpy(found)[None, None],
            size=image.shape[:2],
            mode='bilinear',
            align_corners=False,
        )[0, 0]
        # Brightness from the image, color from the map.
        gray = image.reshape(*image.shape[:2], -1).mean(axis=2, keepdims=True) / 255
        axes = grid[2 * index + 1]
        axes.imshow(colors(scale(large.numpy()))[..., :3] * (0.55 + 0.45 * gray))
        bare(axes)
        axes.set_title('contribution to the cosine', fontsize=10)
    figure.colorbar(
        matplotlib.cm.ScalarMappable(scale, colors),
        ax=list(grid),
        orientation='horizontal',
        shrink=0.5,
        aspect=40,
        label='contribution × number of positions (the mean of a map is the cosine)',
    )
    figure.suptitle(f'cosine {cosine:.3f}', fontsize=11)
    save(figure, out)
