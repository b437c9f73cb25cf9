"""Pictures with what photographs have, and the settings of pipeline B224."""

from typing import Any

import numpy as np

B224: dict[str, Any] = {
    'brightness': 0.4,
    'contrast': 0.4,
    'saturation': 0.4,
    'hue': 0.1,
    'jitter_prob': 0.8,
    'gray_prob': 0.2,
    'blur_prob': 0.5,
}


def photo(seed: int = 0, height: int = 60, width: int = 80) -> np.ndarray:
    """Light and colors with a photo's spectrum, ``(H, W, 3)`` RGB."""
    rng = np.random.default_rng(seed)
    frequency = np.hypot(np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width))
    frequency[0, 0] = 1
    spectrum = np.fft.rfft2(rng.standard_normal((4, height, width))) / frequency
    noise = np.fft.irfft2(spectrum, s=(height, width))
    noise /= noise.std(axis=(1, 2), keepdims=True)
    tint = np.array([30, 0, -20])[:, None, None]  # so that hue and saturation show
    side = 30 * np.linspace(-1, 1, width)  # so that mirroring and cropping show
    pixels = 120 + tint + side + 40 * noise[0] + 15 * noise[1:]
    return np.ascontiguousarray(
        np.clip(pixels, 0, 255).astype(np.uint8).transpose(1, 2, 0)
    )
