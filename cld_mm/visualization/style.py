"""What all pictures share: colours and bare axes."""

import matplotlib
import numpy as np

matplotlib.use('Agg')

# Okabe and Ito's colours, told apart by colour-blind readers too.
COLOURS = ('#0072B2', '#D55E00', '#009E73', '#CC79A7', '#E69F00', '#56B4E9')
MARKERS = ('o', 's', '^', 'D', 'v', 'P', 'X', '*', '<', '>')
RIGHT, WRONG = '#009E73', '#D55E00'


def class_colours(number: int) -> list[str]:
    """A colour for each of so many classes.

    Up to six are Okabe and Ito's; beyond that no palette is safe for every reader, so
    they run through a perceptually even map, and markers tell neighbours apart.
    """
    if number <= len(COLOURS):
        return list(COLOURS[:number])
    shades = matplotlib.colormaps['turbo'](np.linspace(0.05, 0.95, number))
    return [matplotlib.colors.to_hex(shade) for shade in shades]


def bare(axes) -> None:
    """No ticks, no frame."""
    axes.set_xticks([])
    axes.set_yticks([])
    axes.spines[:].set_visible(False)


def show_image(axes, image: np.ndarray) -> None:
    """Draw ``(H, W)``, ``(H, W, 1)`` or ``(H, W, 3)`` bytes without ticks."""
    image = image[..., 0] if image.ndim == 3 and image.shape[-1] == 1 else image
    axes.imshow(image, cmap='gray', vmin=0, vmax=255)
    bare(axes)
