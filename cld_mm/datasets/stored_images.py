"""Images of a dataset as they are stored, before any transform, for pictures."""

from typing import Any

import numpy as np
from PIL import Image

from cld_mm.fileio.image_decoding import decode_image, printable
from cld_mm.fileio.image_depth import Range

from .transforms.load_image import LoadImage
from .value_range import value_range_of


def stored_bands(
    dataset: Any, index: int, value_range: Range | None = None
) -> np.ndarray:
    """An image with all its bands and its depth, ``(H, W, C)`` float32, 0 to 255.

    Raises:
        OSError: its file cannot be read; the message names it.
    """
    info = dataset.get_data_info(index)
    if 'img' in info:
        pixels = np.asarray(info['img'], np.float32)
        return pixels[..., None] if pixels.ndim == 2 else pixels
    value_range = value_range or value_range_of(dataset)
    try:
        data = LoadImage().read(info)
        return decode_image(data, value_range=value_range, bands='all')
    except Exception as error:
        raise _unreadable(info, error) from error


def _unreadable(info: dict[str, Any], error: Exception) -> OSError:
    return OSError(
        f'{printable(info["img_path"])} cannot be read as an image ({error}): '
        'fix or remove it.'
    )


def stored_image(
    dataset: Any,
    index: int,
    side: int | None = None,
    value_range: Range | None = None,
) -> np.ndarray:
    """An image as it is stored, ``(H, W)`` or ``(H, W, 3)`` RGB bytes.

    Args:
        dataset: mmpretrain's or this project's, wrapped or not.
        index: of the image.
        side: make it a square of this many pixels, its middle kept.
        value_range: black and white in images of more than 8 bits; by default the
            dataset's.

    Raises:
        OSError: its file cannot be read; the message names it.
    """
    info = dataset.get_data_info(index)
    if 'img' in info:
        image = Image.fromarray(np.asarray(info['img']).squeeze())
    else:
        try:
            data = LoadImage().read(info)
            found = value_range or value_range_of(dataset)
            pixels = decode_image(data, value_range=found, bands='rgb')
        except Exception as error:
            raise _unreadable(info, error) from error
        image = Image.fromarray(np.ascontiguousarray(pixels[..., ::-1]))
    if side is not None:
        edge = min(image.size)
        left, top = ((length - edge) // 2 for length in image.size)
        image = image.crop((left, top, left + edge, top + edge))
        image = image.resize((side, side), Image.Resampling.BICUBIC)
    return np.asarray(image)
