"""Names beside what they name, moved apart where they would cover each other."""

from collections.abc import Sequence

import numpy as np

LETTER, LINE = 0.68, 1.5  # width and height of a letter, in font sizes


def spread(
    places: np.ndarray, sizes: np.ndarray, bounds: np.ndarray, rounds: int = 300
) -> np.ndarray:
    """Move boxes apart until none covers another, as far as there is room.

    Args:
        places: centres ``(N, 2)`` wanted.
        sizes: widths and heights ``(N, 2)``.
        bounds: the field's width and height ``(2,)``, from 0.
        rounds: small steps at most.

    Returns:
        Centres ``(N, 2)`` inside the field.
    """
    found = places.astype(float).copy()
    half = np.minimum(sizes / 2, bounds / 2)
    reach = half[:, None] + half[None]  # N×N×2
    for _ in range(rounds):
        found = np.clip(found, half, bounds - half)
        apart = found[:, None] - found[None]
        depth = reach - np.abs(apart)
        touch = (depth > 1e-9).all(axis=2)
        np.fill_diagonal(touch, False)
        if not touch.any():
            break
        # Along the way that is shorter out; ties by the order of the boxes.
        order = np.sign(np.arange(len(found))[:, None] - np.arange(len(found))[None])
        way = np.where(apart == 0, order[..., None], np.sign(apart))
        short = depth == depth.min(axis=2, keepdims=True)
        push = way * depth * short * touch[..., None]
        found += 0.3 * push.sum(axis=1)
    return found


def name_clouds(
    axes,
    places: np.ndarray,
    names: Sequence[str],
    colours: Sequence[str],
    points: tuple[float, float],
    size: float,
) -> None:
    """Write names over a scatter, with a thin line where one had to move.

    Args:
        axes: with its limits set.
        places: of what is named ``(N, 2)``, in the data's units.
        names: of them.
        colours: of them.
        points: width and height of the axes, in points (1/72 inch).
        size: of the letters, in points.
    """
    low = np.array([axes.get_xlim()[0], axes.get_ylim()[0]])
    high = np.array([axes.get_xlim()[1], axes.get_ylim()[1]])
    field = np.array(points)
    scale = field / (high - low)
    boxes = np.array([[LETTER * len(name) + 0.4, LINE] for name in names]) * size
    wanted = (places - low) * scale
    found = spread(wanted, boxes, field)
    for name, colour, start, box, end in zip(
        names, colours, wanted, boxes, found, strict=True
    ):
        if (np.abs(end - start) > box / 2).any():
            ends = np.stack([start, end]) / scale + low
            axes.plot(*ends.T, color=colour, linewidth=0.6, zorder=2.5)
        axes.text(
            *(end / scale + low),
            name,
            color=colour,
            fontsize=size,
            fontweight='bold',
            ha='center',
            va='center',
            zorder=3,
            # A halo of matplotlib's would turn the text of an SVG into outlines.
            bbox={'facecolor': 'white', 'alpha': 0.7, 'edgecolor': 'none', 'pad': 0.6},
        )
