"""Thumbnails of image files in a few large pictures (sprites)."""

import base64
import io
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from PIL import Image
from tqdm import tqdm

from cld_mm.fileio.image_decoding import MAX_PIXELS, decode_image, read_file

SIDE = 64  # pixels of a thumbnail
COLUMNS = 32  # thumbnails per row and column of a sprite
EMPTY = (226, 230, 234)  # color where a file cannot be read


def make_sprites(files: Sequence[Path]) -> tuple[list[str], int]:
    """All images as square thumbnails in sprites of 32×32.

    Args:
        files: images.

    Returns:
        Data URLs of the sprites, and how many files could not be read; those are gray.
    """
    sprites, missing = [], 0
    bar = tqdm(total=len(files), desc='thumbnails', leave=False, delay=2, disable=None)
    with bar, ThreadPoolExecutor(4) as pool:
        for start in range(0, len(files), COLUMNS**2):
            part = files[start : start + COLUMNS**2]
            rows = -(-len(part) // COLUMNS)
            sheet = Image.new('RGB', (COLUMNS * SIDE, rows * SIDE), EMPTY)
            for index, thumbnail in enumerate(pool.map(_thumbnail, part)):
                bar.update()
                if thumbnail is None:
                    missing += 1
                    continue
                corner = (index % COLUMNS * SIDE, index // COLUMNS * SIDE)
                sheet.paste(thumbnail, corner)
            buffer = io.BytesIO()
            sheet.save(buffer, 'WEBP', quality=80, method=2)
            data = base64.b64encode(buffer.getvalue()).decode()
            sprites.append(f'data:image/webp;base64,{data}')
    return sprites, missing


def _thumbnail(path: Path) -> Image.Image | None:
    """The center of an image; None if it cannot be read."""
    try:
        pixels = decode_image(read_file(path), MAX_PIXELS, (SIDE, 1.0))
    except (OSError, ValueError):
        return None
    image = Image.fromarray(np.ascontiguousarray(pixels[..., ::-1]))
    edge = min(image.size)
    left, top = ((size - edge) // 2 for size in image.size)
    image = image.crop((left, top, left + edge, top + edge))
    return image.resize((SIDE, SIDE), Image.Resampling.BICUBIC)
