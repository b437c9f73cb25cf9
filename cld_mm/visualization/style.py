"""What all pictures share: colours, markers, names, bare axes and saving."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from matplotlib import font_manager
from matplotlib.figure import Figure

# Okabe and Ito's colours, told apart by colour-blind readers too (but for their yellow,
# which white paper swallows), then grey, a dark brown and a dark violet.
COLOURS = (
    '#0072B2',
    '#D55E00',
    '#009E73',
    '#CC79A7',
    '#E69F00',
    '#56B4E9',
    '#000000',
    '#8A8A8A',
    '#7A3E00',
    '#5B2A86',
)
# Thirteen, which shares no divisor with ten: 130 classes look each their own.
MARKERS = ('o', 's', '^', 'D', 'v', 'P', 'X', '*', '<', '>', 'p', 'h', 'd')
RIGHT, WRONG = '#0072B2', '#D55E00'
DPI = 150
# Asked in turn for letters that the first does not have.
FONTS = (
    'DejaVu Sans',
    'Noto Sans CJK SC',
    'Noto Sans CJK JP',
    'WenQuanYi Zen Hei',
    'Microsoft YaHei',
    'Hiragino Sans',
    'Noto Sans Arabic',
    'Noto Sans Devanagari',
    'Noto Sans Hebrew',
    'Noto Sans Thai',
)


def colour_of(number: int) -> str:
    """The colour of a class, group or run."""
    return COLOURS[number % len(COLOURS)]


def marker_of(number: int) -> str:
    """Its marker: with the colour it tells 130 apart."""
    return MARKERS[number % len(MARKERS)]


def plain(name: str, length: int = 28) -> str:
    """A name from data as matplotlib text: short, and without formulas.

    Args:
        name: of a class or a run.
        length: letters at most; a longer name keeps its start and its end.
    """
    name = ' '.join(str(name).split())
    if len(name) > length:
        tail = (length - 1) // 2
        name = f'{name[: length - 1 - tail]}…{name[-tail:]}'
    # Matplotlib sets what stands between dollars as a formula, and hides a name that
    # starts with an underscore from its legends.
    name = name.replace('$', r'\$')
    return f'\u200a{name}' if name.startswith('_') else name


def distinct(names: Sequence[str], length: int = 28) -> list[str]:
    """The same of many names: those that get alike by it have their number before."""
    short = [plain(name, length) for name in names]
    counts = Counter(short)
    return [
        word if counts[word] == 1 else plain(f'{number} {name}', length)
        for number, (word, name) in enumerate(zip(short, names, strict=True))
    ]


def save(figure: Figure, out: Path) -> None:
    """Write a picture; its suffix chooses PNG or SVG, where text stays text."""
    installed = {font.name for font in font_manager.fontManager.ttflist}
    fonts = [font for font in FONTS if font in installed] or ['sans-serif']
    rules: dict[Any, Any] = {'svg.fonttype': 'none', 'font.sans-serif': fonts}
    with matplotlib.rc_context(rules):
        figure.savefig(out, dpi=DPI)


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
