"""Color operations on bytes, in OpenCV, with the values of torchvision's on PIL.

Brightness, contrast and saturation are one affine map each, so one pass over the
pixels; each is clipped to 0 to 255 before the next, as PIL does.

Blur: PIL's, a Gaussian whose standard deviation is the radius, with the border's
pixels repeated (torchvision's own on tensors mirrors them).
"""

import cv2
import numpy as np

from .view_parameters import Column

GRAY = {'rgb': (0.299, 0.587, 0.114), 'bgr': (0.114, 0.587, 0.299)}
_TO_GRAY = {'rgb': cv2.COLOR_RGB2GRAY, 'bgr': cv2.COLOR_BGR2GRAY}
_TO_HSV = {'rgb': cv2.COLOR_RGB2HSV_FULL, 'bgr': cv2.COLOR_BGR2HSV_FULL}
_FROM_HSV = {'rgb': cv2.COLOR_HSV2RGB_FULL, 'bgr': cv2.COLOR_HSV2BGR_FULL}


def apply_color(image: np.ndarray, drawn: np.ndarray, order: str) -> np.ndarray:
    """Jitter, grayscale, blur and solarization of one view.

    Args:
        image: ``(H, W, 3)`` or, without colors, ``(H, W)`` uint8.
        drawn: the view's parameters, ``(16,)``.
        order: of the channels, 'rgb' or 'bgr'.

    Returns:
        As ``image``, contiguous; ``image`` itself where nothing is to do.
    """
    gray_only = image.ndim == 2
    for column in drawn[Column.FIRST : Column.GRAY]:
        operation = int(column)
        factor = float(drawn[operation])
        if operation == Column.HUE:
            if factor and not gray_only:
                image = turn_hue(image, factor, order)
        elif factor != 1:
            if operation == Column.BRIGHTNESS:
                image = _blend(image, factor, 0.0)
            elif operation == Column.CONTRAST:
                image = _blend(image, factor, mean_gray(image, order))
            elif not gray_only:
                image = saturate(image, factor, order)
    if drawn[Column.GRAY] and not gray_only:
        gray = cv2.cvtColor(image, _TO_GRAY[order])
        image = cv2.cvtColor(gray, cv2.COLOR_GRAY2RGB)
    if drawn[Column.SIGMA]:
        image = blur(image, float(drawn[Column.SIGMA]))
    if drawn[Column.SOLARIZE] < 256:
        image = np.where(image < drawn[Column.SOLARIZE], image, 255 - image)
    return image


def mean_gray(image: np.ndarray, order: str) -> float:
    """Mean of the grayscale image, rounded as PIL does."""
    gray = image if image.ndim == 2 else cv2.cvtColor(image, _TO_GRAY[order])
    return float(int(cv2.mean(gray)[0] + 0.5))


def _blend(image: np.ndarray, factor: float, level: float) -> np.ndarray:
    """``factor * image + (1 - factor) * level``, clipped and truncated as PIL does."""
    levels = np.arange(256, dtype=np.float32)
    table = np.clip(level + np.float32(factor) * (levels - level), 0, 255)
    return cv2.LUT(image, table.astype(np.uint8))


def saturate(image: np.ndarray, factor: float, order: str) -> np.ndarray:
    """Blend with the grayscale image; -0.5 because PIL truncates and OpenCV rounds."""
    matrix = np.empty((3, 4), dtype=np.float32)
    matrix[:, :3] = (1 - factor) * np.array(GRAY[order])
    matrix[:, :3] += factor * np.eye(3)
    matrix[:, 3] = -0.5
    return cv2.transform(image, matrix)


def turn_hue(image: np.ndarray, turn: float, order: str) -> np.ndarray:
    """Turn the hue by a fraction of the circle, in steps of 1/256 as in PIL."""
    hsv = cv2.cvtColor(image, _TO_HSV[order])
    hsv[..., 0] += np.uint8(int(turn * 255) % 256)  # wraps round
    return cv2.cvtColor(hsv, _FROM_HSV[order])


def blur(image: np.ndarray, sigma: float) -> np.ndarray:
    """Gaussian blur, ``sigma`` in pixels."""
    size = 2 * max(1, int(np.ceil(3 * sigma))) + 1
    kernel = cv2.getGaussianKernel(size, sigma, ktype=cv2.CV_32F)
    return cv2.sepFilter2D(image, -1, kernel, kernel, borderType=cv2.BORDER_REPLICATE)
