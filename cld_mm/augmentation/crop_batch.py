"""Crops of a batch, and erased boxes, each image's own, on any device."""

import torch
from torch import Tensor
from torch.nn import functional as F

from .view_parameters import CROP, ERASED


def crop_batch(images: Tensor, drawn: Tensor, size: int) -> Tensor:
    """Crop each image to its own box and enlarge it bilinearly, as PIL does.

    PIL's antialiasing only matters where a crop shrinks, which none does here. Values
    are those of PIL up to rounding to bytes.

    Args:
        images: ``(N, C, H, W)`` float.
        drawn: ``(N, 16)`` on the CPU; its crops' boxes are read.
        size: of the results' sides, pixels; not below a box's.

    Returns:
        ``(N, C, size, size)``.
    """
    boxes = drawn[:, CROP].to(images.device, non_blocking=True)
    top, left, height, width = boxes.to(images.dtype).unbind(1)
    steps = (torch.arange(size, device=images.device) + 0.5) / size
    y = _grid(top, height, steps, images.shape[2])
    x = _grid(left, width, steps, images.shape[3])
    grid = torch.stack(
        [x[:, None].expand(-1, size, -1), y[:, :, None].expand(-1, -1, size)], dim=3
    )
    return F.grid_sample(images, grid, padding_mode='border', align_corners=False)


def _grid(start: Tensor, length: Tensor, steps: Tensor, side: int) -> Tensor:
    """Positions of the results' pixels in the image, in grid_sample's -1 to 1: ``(N,
    S)``.

    A crop's own border pixels are repeated; what is beyond them is not used.
    """
    start, length = start[:, None], length[:, None]
    places = (start + length * steps).clamp(start + 0.5, start + length - 0.5)
    return places * (2 / side) - 1


def erase_batch(images: Tensor, drawn: Tensor) -> Tensor:
    """Set each image's own box to zero, the mean color after normalizing.

    Args:
        images: ``(N, C, H, W)``.
        drawn: ``(N, 16)``, which erases nothing, or ``(N, 20)``; on the CPU.
    """
    if drawn.shape[1] < ERASED.stop:
        return images
    boxes = drawn[:, ERASED].to(images.device, non_blocking=True)
    top, left, height, width = boxes[:, :, None].unbind(1)
    y, x = (torch.arange(side, device=images.device) for side in images.shape[2:])
    rows, columns = (y >= top) & (y < top + height), (x >= left) & (x < left + width)
    return images.masked_fill(rows[:, None, :, None] & columns[:, None, None], 0)
