"""Parameters of random views, drawn from the sample's own seed.

The draws are torchvision's: RandomResizedCrop's ten attempts, ColorJitter's uniform
factors in random order, and a coin for each of the rest. They are hashes of the seed
and a counter (splitmix64), not of a running generator, so that a whole batch is drawn
at once and an image's parameters depend neither on its batch nor on its worker.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

import numpy as np


class Column(IntEnum):
    """The columns of a row of parameters; all float32."""

    FLIP = 0  # 1: mirrored
    BRIGHTNESS = 1  # factors of the four jitters, by operation
    CONTRAST = 2
    SATURATION = 3
    HUE = 4  # of a turn
    FIRST = 5  # columns 5 to 8: which of columns 1 to 4 comes first, second, ...
    GRAY = 9  # 1: grayscale
    SIGMA = 10  # of the blur, pixels; 0: none
    SOLARIZE = 11  # values from here on are inverted; 256: none
    TOP = 12  # the crop, pixels
    LEFT = 13
    HEIGHT = 14
    WIDTH = 15
    ERASE_TOP = 16  # erased box of the view, pixels; only where erasing is on
    ERASE_LEFT = 17
    ERASE_HEIGHT = 18  # 0: none
    ERASE_WIDTH = 19


CROP = slice(Column.TOP, Column.WIDTH + 1)
ERASED = slice(Column.ERASE_TOP, Column.ERASE_WIDTH + 1)
_DRAWS = 40
_ERASE_DRAWS = 23
_ATTEMPTS = 10
_STEP = np.uint64(0x9E3779B97F4A7C15)


def uniforms(seeds: np.ndarray, count: int) -> np.ndarray:
    """``count`` numbers in [0, 1) for each seed.

    Args:
        seeds: ``(N,)`` uint64, well spread (SeededSampler's are).

    Returns:
        ``(N, count)`` float64.
    """
    with np.errstate(over='ignore'):
        bits = seeds[:, None] + _STEP * np.arange(1, count + 1, dtype=np.uint64)
        bits = (bits ^ (bits >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        bits = (bits ^ (bits >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    bits ^= bits >> np.uint64(31)
    return (bits >> np.uint64(11)) * 2.0**-53


@dataclass
class ViewDistribution:
    """How views are drawn; the names are torchvision's.

    Args:
        scale: range of the crop's fraction of the image's area.
        ratio: range of the crop's width over its height.
        brightness, contrast, saturation: ranges of the factors are
            [max(0, 1 - value), 1 + value].
        hue: turns by up to this fraction of the circle either way, at most 0.5.
        jitter_prob: of the four together.
        gray_prob, blur_prob, solarize_prob, flip_prob: of each.
        blur_sigma: range of the Gaussian's standard deviation, pixels.
        solarize_threshold: values from here on are inverted.
        erase_prob: of erasing a box of the view, after normalizing (RandomErasing).
        erase_scale: range of the box's fraction of the view's area.
        erase_ratio: range of its height over its width.

    Raises:
        ValueError: a probability, range or strength is invalid.
    """

    scale: Sequence[float] = (0.2, 1.0)
    ratio: Sequence[float] = (3 / 4, 4 / 3)
    brightness: float = 0.0
    contrast: float = 0.0
    saturation: float = 0.0
    hue: float = 0.0
    jitter_prob: float = 1.0
    gray_prob: float = 0.0
    blur_prob: float = 0.0
    blur_sigma: Sequence[float] = (0.1, 2.0)
    solarize_prob: float = 0.0
    solarize_threshold: float = 128
    flip_prob: float = 0.5
    erase_prob: float = 0.0
    erase_scale: Sequence[float] = (0.02, 0.33)
    erase_ratio: Sequence[float] = (0.3, 3.3)

    def __post_init__(self) -> None:
        for name in ('jitter', 'gray', 'blur', 'solarize', 'flip', 'erase'):
            value = getattr(self, f'{name}_prob')
            if not 0 <= value <= 1:
                raise ValueError(f'{name}_prob must be in [0, 1], got {value}.')
        for name in ('scale', 'ratio', 'blur_sigma', 'erase_scale', 'erase_ratio'):
            low, high = getattr(self, name)
            if not 0 < low <= high:
                raise ValueError(
                    f'{name} is {(low, high)}: give two numbers above 0, the smaller '
                    'first.'
                )
        if self.scale[1] > 1:
            raise ValueError(
                f'scale goes up to {self.scale[1]}, but a crop has at most the whole '
                'area: end it at 1.'
            )
        strengths = (self.brightness, self.contrast, self.saturation, self.hue)
        if min(strengths) < 0 or self.hue > 0.5:
            raise ValueError(
                f'brightness, contrast, saturation and hue are {strengths}, but must '
                'be 0 or more, and hue 0.5 at most.'
            )

    def draw(
        self,
        seeds: np.ndarray,
        height: int | np.ndarray,
        width: int | np.ndarray,
        size: int = 0,
    ) -> np.ndarray:
        """Parameters of one view of each image.

        Args:
            seeds: ``(N,)`` uint64, one for each view.
            height: of the images, pixels; one number or ``(N,)``.
            width: likewise.
            size: of the views' sides, pixels; asked for where they are erased.

        Returns:
            ``(N, 16)`` float32, or ``(N, 20)`` with ``erase_prob``; see
            :class:`Column`.
        """
        erases = self.erase_prob > 0
        u = uniforms(seeds, _DRAWS + erases * _ERASE_DRAWS)
        columns = (ERASED if erases else CROP).stop
        drawn = np.empty((len(seeds), columns), dtype=np.float32)
        drawn[:, CROP] = self._crops(u[:, :22], height, width)
        if erases:
            drawn[:, ERASED] = self._erased(u[:, _DRAWS:], size)
        drawn[:, Column.FLIP] = u[:, 22] < self.flip_prob
        jittered = u[:, 23] < self.jitter_prob
        for place, value in enumerate(
            (self.brightness, self.contrast, self.saturation)
        ):
            low = max(0.0, 1 - value)
            factor = low + (1 + value - low) * u[:, 24 + place]
            drawn[:, Column.BRIGHTNESS + place] = np.where(jittered, factor, 1)
        turn = self.hue * (2 * u[:, 27] - 1)
        drawn[:, Column.HUE] = np.where(jittered, turn, 0)
        drawn[:, Column.FIRST : Column.GRAY] = 1 + np.argsort(u[:, 28:32], axis=1)
        drawn[:, Column.GRAY] = u[:, 32] < self.gray_prob
        low, high = self.blur_sigma
        sigma = low + (high - low) * u[:, 34]
        drawn[:, Column.SIGMA] = np.where(u[:, 33] < self.blur_prob, sigma, 0)
        drawn[:, Column.SOLARIZE] = np.where(
            u[:, 35] < self.solarize_prob, self.solarize_threshold, 256
        )
        return drawn

    def _crops(
        self, u: np.ndarray, height: int | np.ndarray, width: int | np.ndarray
    ) -> np.ndarray:
        """Top, left, height and width ``(N, 4)``: the first attempt that fits."""
        high = np.broadcast_to(height, len(u))
        wide = np.broadcast_to(width, len(u))
        small, large = self.scale
        area = (high * wide)[:, None] * (small + (large - small) * u[:, :_ATTEMPTS])
        flat, steep = np.log(self.ratio[0]), np.log(self.ratio[1])
        ratio = np.exp(flat + (steep - flat) * u[:, _ATTEMPTS : 2 * _ATTEMPTS])
        widths = np.rint(np.sqrt(area * ratio))
        heights = np.rint(np.sqrt(area / ratio))
        fits = (
            (widths >= 1)
            & (heights >= 1)
            & (widths <= wide[:, None])
            & (heights <= high[:, None])
        )
        rows, first = np.arange(len(u)), fits.argmax(axis=1)
        h, w = heights[rows, first], widths[rows, first]
        top = np.floor(u[:, 20] * (high - h + 1))
        left = np.floor(u[:, 21] * (wide - w + 1))
        none = ~fits.any(axis=1)
        if none.any():  # the largest crop in the middle whose ratio is allowed
            h = np.where(none, np.minimum(high, np.rint(wide / self.ratio[0])), h)
            w = np.where(none, np.minimum(wide, np.rint(high * self.ratio[1])), w)
            top = np.where(none, (high - h) // 2, top)
            left = np.where(none, (wide - w) // 2, left)
        return np.stack([top, left, h, w], axis=1)

    def _erased(self, u: np.ndarray, size: int) -> np.ndarray:
        """Top, left, height and width ``(N, 4)``, as RandomErasing draws them."""
        small, large = self.erase_scale
        area = size**2 * (small + (large - small) * u[:, :_ATTEMPTS])
        flat, steep = np.log(self.erase_ratio[0]), np.log(self.erase_ratio[1])
        ratio = np.exp(flat + (steep - flat) * u[:, _ATTEMPTS : 2 * _ATTEMPTS])
        heights, widths = np.rint(np.sqrt(area * ratio)), np.rint(np.sqrt(area / ratio))
        fits = (heights < size) & (widths < size)
        rows, first = np.arange(len(u)), fits.argmax(axis=1)
        done = fits.any(axis=1) & (u[:, 22] < self.erase_prob)
        h, w = heights[rows, first] * done, widths[rows, first] * done
        top = np.floor(u[:, 20] * (size - h + 1))
        left = np.floor(u[:, 21] * (size - w + 1))
        return np.stack([top, left, h, w], axis=1)
