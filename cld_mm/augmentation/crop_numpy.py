"""crop_and_resize: PIL's antialiased resizing at several times its speed."""

import threading

import numpy as np
import torch
from torch.nn import functional as F

_LOCAL = threading.local()


def crop_and_resize(
    image: np.ndarray,
    box: tuple[int, int, int, int],
    size: int,
    interpolation: str = 'bilinear',
) -> np.ndarray:
    """Crop to a box and resize it, like torchvision's resized_crop of a PIL image.

    torch's kernel for bytes is PIL's algorithm in vector instructions; values differ
    from PIL's by 1 of 255 at most.

    Args:
        image: ``(H, W, C)`` or ``(H, W)``, uint8 or float32.
        box: top, left, height and width of the crop, pixels.
        size: of the result's sides, pixels.
        interpolation: 'bilinear' or 'bicubic'.

    Returns:
        ``(size, size, C)`` or ``(size, size)`` of the image's type, contiguous.
    """
    top, left, height, width = box
    # Contiguous, so that torch computes in channels_last.
    found = image[top : top + height, left : left + width]
    if image.dtype == np.uint8:
        crop = _scratch(found.size).reshape(found.shape)
        crop[:] = found
    else:
        crop = np.ascontiguousarray(found)
    planes = torch.from_numpy(crop).view(1, height, width, -1).permute(0, 3, 1, 2)
    resized = F.interpolate(planes, (size, size), mode=interpolation, antialias=True)
    return resized[0].permute(1, 2, 0).numpy().reshape(size, size, *image.shape[2:])


def _scratch(size: int) -> np.ndarray:
    """The thread's buffer: fresh memory would cost more than copying into it."""
    buffer = getattr(_LOCAL, 'buffer', None)
    if buffer is None or buffer.size < size:
        _LOCAL.buffer = buffer = np.empty(size, dtype=np.uint8)
    return buffer[:size]
