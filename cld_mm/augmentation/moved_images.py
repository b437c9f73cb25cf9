"""Images shifted, rotated and scaled at random: a test of what pixels cannot do."""

import math

import torch
from torch import Tensor
from torch.nn import functional as F


@torch.no_grad()
def moved_images(
    images: Tensor,
    shift: float = 4.0,
    degrees: float = 20.0,
    scale: tuple[float, float] = (0.8, 1.25),
    seed: int = 0,
) -> Tensor:
    """Each image moved by its own amounts; what comes in from outside is black.

    Args:
        images: ``(N, C, H, W)`` uint8.
        shift: up to so many pixels in each direction.
        degrees: rotated by up to so many either way.
        scale: range of the size, uniform in its logarithm.
        seed: of the draws.

    Returns:
        ``(N, C, H, W)`` uint8.
    """
    count, _, height, width = images.shape
    generator = torch.Generator().manual_seed(seed)
    u = torch.rand(count, 4, generator=generator) * 2 - 1  # N×4, in [-1, 1)
    angle = u[:, 0] * math.radians(degrees)
    low, high = math.log(scale[0]), math.log(scale[1])
    size = torch.exp((low + high) / 2 + u[:, 1] * (high - low) / 2)
    cos, sin = torch.cos(angle) / size, torch.sin(angle) / size
    across, down = 2 * shift * u[:, 2] / width, 2 * shift * u[:, 3] / height
    rows = [torch.stack([cos, -sin, across], 1), torch.stack([sin, cos, down], 1)]
    grid = F.affine_grid(torch.stack(rows, 1), list(images.shape), align_corners=False)
    moved = F.grid_sample(images.float(), grid, align_corners=False)
    return moved.round().to(torch.uint8)
