"""JigsawPatches: the patches of an image's grid, shuffled.

Sources: PIRL (arXiv 1912.01991), section 3.2; the released InfoMin + CLD recipe.
"""

import numpy as np
from mmcv.transforms import BaseTransform

from cld_mm.registry import TRANSFORMS


@TRANSFORMS.register_module()
class JigsawPatches(BaseTransform):
    """Cut a square image into a grid and take a random patch of each cell.

    The patches come in random order, one below the other in one tall image, so
    that what follows (normalizing, collating) treats them as any view. Both
    draws are numpy's, so they follow the sample's seed.

    Args:
        grid: cells a side; 3 gives 9 patches.
        patch_size: side of a patch, pixels.

    Raises:
        ValueError: a cell of the image is smaller than a patch.
    """

    def __init__(self, grid: int = 3, patch_size: int = 64) -> None:
        if grid < 1 or patch_size < 1:
            raise ValueError(
                f'grid is {grid} and patch_size {patch_size}, but both must be 1 or '
                'more: the recipe uses 3 and 64.'
            )
        self.grid = grid
        self.patch_size = patch_size

    def transform(self, results: dict) -> dict:
        """Replace 'img', ``(H, W, 3)``, by ``(grid² * patch_size, patch_size, 3)``."""
        image = results['img']
        cell_height, cell_width = (side // self.grid for side in image.shape[:2])
        if min(cell_height, cell_width) < self.patch_size:
            raise ValueError(
                f'an image of {image.shape[1]}×{image.shape[0]} pixels has cells of '
                f'{cell_width}×{cell_height}, smaller than patch_size '
                f'{self.patch_size}: crop to at least {self.grid * self.patch_size} '
                'pixels first.'
            )
        patches = []
        for cell in np.random.permutation(self.grid**2):
            top = cell // self.grid * cell_height
            left = cell % self.grid * cell_width
            top += np.random.randint(cell_height - self.patch_size + 1)
            left += np.random.randint(cell_width - self.patch_size + 1)
            patches.append(
                image[top : top + self.patch_size, left : left + self.patch_size]
            )
        results['img'] = np.concatenate(patches)
        results['img_shape'] = results['img'].shape[:2]
        return results
