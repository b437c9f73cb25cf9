"""RandomView: crop, colors, blur and flip of a view in one step.

The same distribution as torchvision's RandomResizedCrop, ColorJitter, RandomGrayscale,
RandomHorizontalFlip and PIL's Gaussian blur in a row, several times as fast; see
docs/benchmarks.md for both.
"""

from dataclasses import fields
from typing import Any

import cv2
import numpy as np
from mmcv.transforms import BaseTransform

from cld_mm.augmentation.color_numpy import apply_color
from cld_mm.augmentation.crop_numpy import crop_and_resize
from cld_mm.augmentation.view_parameters import CROP, Column, ViewDistribution
from cld_mm.registry import TRANSFORMS

# Parameters of a view whose colors are done.
NOTHING = ViewDistribution(flip_prob=0).draw(np.zeros(1, np.uint64), 1, 1)[0]
_NAMES = {field.name for field in fields(ViewDistribution)}


@TRANSFORMS.register_module()
class RandomView(BaseTransform):
    """One random view of an image.

    Order: crop, jitter, grayscale, blur, solarization, flip; erasing comes after
    normalizing, so ViewsPreprocessor always does it. The draws follow
    ``view_seed``, which SeededMultiView sets, or else numpy's generator.

    Args:
        size: of the view's sides, pixels.
        interpolation: of the crop, 'bilinear' or 'bicubic', both antialiased.
        channel_order: of the image, 'bgr' (as LoadImage reads) or 'rgb'.
        on_device: only crop here; the rest is left to ViewsPreprocessor, to which the
            parameters travel with the batch (PackViews packs them).
        **distribution: as in :class:`ViewDistribution`.

    Raises:
        ValueError: a setting is impossible or unknown.
    """

    passes_settings_to = ViewDistribution  # read by the config's check

    def __init__(
        self,
        size: int,
        interpolation: str = 'bilinear',
        channel_order: str = 'bgr',
        on_device: bool = False,
        **distribution: Any,
    ) -> None:
        unknown = distribution.keys() - _NAMES
        if unknown:
            raise ValueError(
                f'RandomView has no setting {sorted(unknown)}: it takes '
                f'{sorted(_NAMES)} besides its own.'
            )
        if size < 1 or interpolation not in ('bilinear', 'bicubic'):
            raise ValueError(
                f'size is {size} and interpolation {interpolation!r}: take a size of 1 '
                "or more, and 'bilinear' or 'bicubic'."
            )
        if channel_order not in ('bgr', 'rgb'):
            raise ValueError(
                f"channel_order is {channel_order!r}, but it must be 'bgr' or 'rgb'."
            )
        self.size = size
        self.interpolation = interpolation
        self.channel_order = channel_order
        self.on_device = on_device
        self.distribution = ViewDistribution(**distribution)

    def transform(self, results: dict) -> dict:
        """Replace 'img' by the view.

        What is left to the device is added as 'augmentation', ``(16,)`` or ``(20,)``.
        """
        seed = results.pop('view_seed', None)
        if seed is None:
            seed = np.random.randint(2**63, dtype=np.int64)
        image = results['img']
        seeds = np.array([seed], dtype=np.uint64)
        drawn = self.distribution.draw(
            seeds, image.shape[0], image.shape[1], self.size
        )[0]
        top, left, height, width = (int(value) for value in drawn[CROP])
        view = crop_and_resize(
            image, (top, left, height, width), self.size, self.interpolation
        )
        if self.on_device:
            results['augmentation'] = drawn
        else:
            view = apply_color(view, drawn, self.channel_order)
            if drawn[Column.FLIP]:
                view = cv2.flip(view, 1)
            if self.distribution.erase_prob:
                results['augmentation'] = np.concatenate([NOTHING, drawn[CROP.stop :]])
        results['img'] = view
        results['img_shape'] = view.shape[:2]
        return results
