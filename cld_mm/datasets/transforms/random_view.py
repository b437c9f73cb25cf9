"""RandomView: crop, colors, blur and flip of a view in one step.

The same distribution as torchvision's RandomResizedCrop, ColorJitter, RandomGrayscale,
RandomHorizontalFlip and PIL's Gaussian blur in a row, several times as fast; see
docs/benchmarks.md for both.
"""

from dataclasses import fields
from typing import Any

import cv2
import numpy as np
import torch
from mmcv.transforms import BaseTransform

from cld_mm.augmentation.color_batch import augment_batch
from cld_mm.augmentation.color_numpy import apply_color
from cld_mm.augmentation.crop_numpy import crop_and_resize
from cld_mm.augmentation.view_parameters import CROP, Column, ViewDistribution
from cld_mm.registry import TRANSFORMS

# Parameters of a view whose colors are done.
NOTHING = ViewDistribution(flip_prob=0).draw(np.zeros(1, np.uint64), 1, 1)[0]
_RGB_ONLY = ('saturation', 'hue', 'gray_prob')
_NAMES = {field.name for field in fields(ViewDistribution)}


@TRANSFORMS.register_module()
class RandomView(BaseTransform):
    """One random view of an image.

    Order: crop, jitter, grayscale, blur, solarization, flip; erasing comes after
    normalizing, so ViewsPreprocessor always does it. The draws follow
    ``view_seed``, which SeededMultiView sets, or else numpy's generator. Images of one
    or of many bands, and float32 images of values 0 to 255, keep bands and depth.

    Args:
        size: of the view's sides, pixels.
        interpolation: of the crop, 'bilinear' or 'bicubic', both antialiased.
        channel_order: of 8-bit images, 'bgr' (as LoadImage reads) or 'rgb'; float32
            images (LoadImage with ``bands='all'``) have red first.
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
        self._check_bands(image)
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
            view = self._augment(view, drawn)
            if self.distribution.erase_prob:
                results['augmentation'] = np.concatenate([NOTHING, drawn[CROP.stop :]])
        results['img'] = view
        results['img_shape'] = view.shape[:2]
        return results

    def _augment(self, view: np.ndarray, drawn: np.ndarray) -> np.ndarray:
        if view.dtype == np.uint8:
            view = apply_color(view, drawn, self.channel_order)
            return cv2.flip(view, 1) if drawn[Column.FLIP] else view
        bands = view.reshape(*view.shape[:2], -1).transpose(2, 0, 1)
        batch = torch.from_numpy(np.ascontiguousarray(bands, np.float32))[None]
        augmented = augment_batch(batch, torch.from_numpy(drawn)[None])[0]
        return augmented.permute(1, 2, 0).numpy().reshape(view.shape)

    def _check_bands(self, image: np.ndarray) -> None:
        bands = image.shape[2] if image.ndim == 3 else 1
        used = {name: getattr(self.distribution, name) for name in _RGB_ONLY}
        used = {name: value for name, value in used.items() if value}
        if bands not in (1, 3) and used:
            listed = ', '.join(f'{name}={value}' for name, value in used.items())
            raise ValueError(
                f'RandomView has {listed}, which need RGB images, but this one has '
                f'{bands} bands: set them to 0.'
            )
        if image.dtype not in (np.uint8, np.float32):
            raise ValueError(
                f'RandomView takes uint8 or float32 images, and this one is '
                f"{image.dtype}: LoadImage(bands='all') reads other depths as float32."
            )
