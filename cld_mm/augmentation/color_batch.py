"""RandomView's colors, blur and flip on a batch of floats, on any device.

Every image has its own parameters. They are on the CPU, so which images an operation
concerns is known without a device sync. Values are
those of RandomView up to rounding, as no bytes are made in between.
"""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F

from .view_parameters import Column

_BLENDS = (Column.BRIGHTNESS, Column.CONTRAST, Column.SATURATION)


def augment_batch(images: Tensor, drawn: Tensor) -> Tensor:
    """Jitter, gray, blur, solarize and flip each image by its own parameters.

    Args:
        images: ``(N, C, H, W)`` float, 0 to 255; three channels are red, green, blue.
        drawn: ``(N, 16)`` on the CPU; columns as in :class:`Column`.

    Returns:
        ``(N, C, H, W)``, 0 to 255; a new tensor.

    Raises:
        ValueError: the two have different lengths.
    """
    if len(images) != len(drawn):
        raise ValueError(
            f'{len(images)} images came with {len(drawn)} rows of parameters: '
            "the collate function must keep both, as 'collate_views' does."
        )
    images = images.clone()
    for step in range(Column.FIRST, Column.GRAY):
        _jitter_step(images, drawn, drawn[:, step].long())
    if images.shape[1] == 3:
        _change(images, drawn[:, Column.GRAY] > 0, _grayed)
    blurred = drawn[:, Column.SIGMA] > 0
    _change(images, blurred, blur_batch, drawn[blurred, Column.SIGMA])
    inverted = drawn[:, Column.SOLARIZE] < 256
    _change(images, inverted, _solarized, drawn[inverted, Column.SOLARIZE])
    _change(images, drawn[:, Column.FLIP] > 0, lambda x: x.flip(-1))
    return images


def _jitter_step(images: Tensor, drawn: Tensor, operation: Tensor) -> None:
    """Apply each image's operation of this step, in place."""
    factors = drawn.gather(1, operation[:, None])[:, 0]
    turned = (operation == Column.HUE) & (factors != 0)
    blended = (operation != Column.HUE) & (factors != 1)
    if images.shape[1] == 3:
        _change(images, turned, turn_hue_batch, factors[turned])
    else:
        blended &= operation != Column.SATURATION
    _change(images, blended, _blended, factors[blended], operation[blended])


def _change(
    images: Tensor,
    chosen: Tensor,
    change: Callable[..., Tensor],
    *parameters: Tensor,
) -> None:
    """Replace the chosen images, ``(N,)`` bool on the CPU, by what a function makes."""
    rows = chosen.nonzero()[:, 0]
    if len(rows) == 0:
        return
    rows = rows.to(images.device, non_blocking=True)
    moved = [p.to(images.device, non_blocking=True) for p in parameters]
    images[rows] = change(images[rows], *moved)


def gray(images: Tensor) -> Tensor:
    """``(N, C, H, W)`` to ``(N, 1, H, W)``.

    By the weights of ITU-R 601 for red, green and blue, else by the mean of all bands.
    """
    if images.shape[1] != 3:
        return images.mean(dim=1, keepdim=True)
    red, green, blue = images.unbind(1)
    return (0.299 * red + 0.587 * green + 0.114 * blue)[:, None]


def _grayed(images: Tensor) -> Tensor:
    return gray(images).expand_as(images)


def _blended(images: Tensor, factors: Tensor, operation: Tensor) -> Tensor:
    """Towards black, the mean gray or the image's own gray, and clipped."""
    factors, operation = factors.view(-1, 1, 1, 1), operation.view(-1, 1, 1, 1)
    other = gray(images)
    level = other.mean((2, 3), keepdim=True)
    other = torch.where(operation == Column.CONTRAST, level, other)
    other = torch.where(operation == Column.BRIGHTNESS, torch.zeros_like(level), other)
    return torch.lerp(other.expand_as(images), images, factors).clamp_(0, 255)


def turn_hue_batch(images: Tensor, turns: Tensor) -> Tensor:
    """Turn the hue of ``(N, 3, H, W)`` by ``(N,)`` fractions of the circle.

    Source: Smith, "Color gamut transform pairs", 1978. With the value V, the chroma C
    and a hue in sixths of the circle, channel n of (red 5, green 3, blue 1) is
    V - C · clamp(min(k, 4 - k), 0, 1), k = (n + hue) mod 6.
    """
    value, largest = images.max(dim=1)
    chroma = value - images.amin(dim=1)
    red, green, blue = images.unbind(1)
    # The two channels after the largest one, going round.
    after = torch.where(largest == 0, green, torch.where(largest == 1, blue, red))
    last = torch.where(largest == 0, blue, torch.where(largest == 1, red, green))
    hue = (after - last) / chroma.clamp(min=1e-6) + 2 * largest
    hue = hue + 6 * turns.view(-1, 1, 1)
    channels = []
    for offset in (5, 3, 1):
        k = (offset + hue) % 6
        channels.append(value - chroma * torch.minimum(k, 4 - k).clamp(0, 1))
    return torch.stack(channels, dim=1)


def blur_batch(images: Tensor, sigmas: Tensor) -> Tensor:
    """Gaussian blur of ``(N, C, H, W)`` by ``(N,)`` standard deviations, 4 pixels at
    most.

    The border's pixels are repeated, as RandomView does.
    """
    n, c, height, width = images.shape
    reach = 12
    places = torch.arange(-reach, reach + 1, device=images.device)
    kernel = torch.exp(-0.5 * (places / sigmas[:, None]) ** 2)
    # Cut off where RandomView's kernel ends.
    kernel = kernel * (places.abs() <= (3 * sigmas[:, None]).ceil().clamp(min=1))
    kernel = (kernel / kernel.sum(dim=1, keepdim=True)).to(images.dtype)
    kernel = kernel.repeat_interleave(c, dim=0)
    planes = images.reshape(1, n * c, height, width)
    for pad, shape in (
        ((reach, reach, 0, 0), (1, -1)),
        ((0, 0, reach, reach), (-1, 1)),
    ):
        padded = F.pad(planes, pad, mode='replicate')
        planes = F.conv2d(padded, kernel.view(n * c, 1, *shape), groups=n * c)
    return planes.view(n, c, height, width)


def _solarized(images: Tensor, thresholds: Tensor) -> Tensor:
    return torch.where(images < thresholds.view(-1, 1, 1, 1), images, 255 - images)
