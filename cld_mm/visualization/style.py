"""Shared by all pictures: colors, markers, short names, axes and saving."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from matplotlib import font_manager
from matplotlib.axes import Axes
from matplotlib.figure import Figure

# Okabe and Ito's colors, told apart by color-blind readers too (but for their yellow,
# which white paper swallows), then gray, a dark brown and a dark violet.
COLORS = (
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
# 13 is coprime to 10 colors: 130 combinations.
MARKERS = ('o', 's', '^', 'D', 'v', 'P', 'X', '*', '<', '>', 'p', 'h', 'd')
RIGHT, WRONG = '#0072B2', '#D55E00'
DPI = 150
# Fallbacks, in order, for characters that the first lacks.
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


def color_of(number: int) -> str:
    """The color of a class, group or run."""
    return COLORS[number % len(COLORS)]


def marker_of(number: int) -> str:
    """The marker; with the color it distinguishes 130 classes."""
    return MARKERS[number % len(MARKERS)]


def plain(name: str, length: int = 28) -> str:
    """A name as matplotlib text: shortened, and not parsed as a formula.

    Args:
        name: of a class or a run.
        length: characters at most; a longer name keeps its start and end.
    """
    name = ' '.join(str(name).split())
    if len(name) > length:
        tail = (length - 1) // 2
        name = f'{name[: length - 1 - tail]}…{name[-tail:]}'
    # Matplotlib parses text between dollar signs as a formula, and hides names with a
    # leading underscore from legends.
    name = name.replace('$', r'\$')
    return f'\u200a{name}' if name.startswith('_') else name


def distinct(names: Sequence[str], length: int = 28) -> list[str]:
    """Shortened names; those that become equal get their number as prefix."""
    short = [plain(name, length) for name in names]
    counts = Counter(short)
    return [
        word if counts[word] == 1 else plain(f'{number} {name}', length)
        for number, (word, name) in enumerate(zip(short, names, strict=True))
    ]


def save(figure: Figure, out: Path) -> None:
    """Write a PNG or SVG file, by the suffix; text in SVG stays text."""
    installed = {font.name for font in font_manager.fontManager.ttflist}
    fonts = [font for font in FONTS if font in installed] or ['sans-serif']
    rules: dict[Any, Any] = {'svg.fonttype': 'none', 'font.sans-serif': fonts}
    with matplotlib.rc_context(rules):
        figure.savefig(out, dpi=DPI)


def bare(axes: Axes) -> None:
    """Remove ticks and frame."""
    axes.set_xticks([])
    axes.set_yticks([])
    axes.spines[:].set_visible(False)


def show_image(axes: Axes, image: np.ndarray) -> None:
    """Draw ``(H, W)``, ``(H, W, 1)`` or ``(H, W, 3)`` bytes without ticks."""
    image = image[..., 0] if image.ndim == 3 and image.shape[-1] == 1 else image
    axes.imshow(image, cmap='gray', vmin=0, vmax=255)
    bare(axes)
