"""The page: one HTML file that works offline, with thumbnails inside."""

import json
from collections.abc import Iterable, Sequence
from itertools import chain, zip_longest
from pathlib import Path
from typing import Any

import numpy as np
from jinja2 import Environment, FileSystemLoader
from markupsafe import Markup

from .explore import Exploration
from .neighbor_graph import NeighborGraph, neighbor_graph
from .thumbnails import COLUMNS, make_sprites

FOLDER = Path(__file__).parent
MEMBERS = 12  # representatives of a group with a thumbnail
SETS = 200  # of near-duplicates on the page


def write_page(
    found: Exploration,
    out: Path,
    image_root: Path | None = None,
    max_images: int = 5000,
) -> None:
    """Write ``explore.html`` into a folder.

    Args:
        found: what to show; its ``page`` and ``unreadable`` are set.
        out: the folder.
        image_root: folder that relative file names start from.
        max_images: images on the page at most; those in a finding come first, then a
            random sample.
    """
    shown = choose_images(found, max_images)
    root = image_root or Path()
    paths = [root / found.files[i] for i in shown]
    sprites, found.unreadable = make_sprites(paths)
    graph = found.graph
    if len(shown) < len(found.files):  # neighbors that have a thumbnail
        graph = neighbor_graph(found.features[shown], graph.indices.shape[1])
    data = page_data(found, shown, graph)
    data |= {
        'sprites': sprites,
        'columns': COLUMNS,
        'urls': [path.resolve().as_uri() for path in paths],
    }
    environment = Environment(loader=FileSystemLoader(FOLDER), autoescape=True)
    page = environment.get_template('page.html').render(
        count=len(found.files),
        shown=len(shown),
        found=found,
        sets=SETS,
        style=Markup((FOLDER / 'page.css').read_text()),  # noqa: S704 our own file
        script=Markup((FOLDER / 'page.js').read_text()),  # noqa: S704 our own file
        data=embedded(data),
    )
    found.page = out / 'explore.html'
    found.page.write_text(page, encoding='utf-8', errors='backslashreplace')


def choose_images(found: Exploration, most: int) -> np.ndarray:
    """Ascending indices of the images on the page."""
    count = len(found.files)
    if count <= most:
        return np.arange(count)
    # In turn from each group, so that no level is left out if there is little room.
    members = zip_longest(*(group.members[:MEMBERS] for group in found.groups))
    first: Iterable[Any] = chain(
        (i for part in members for i in part if i is not None),
        found.outliers,
        found.selected,
        (i for part in found.duplicates[:SETS] for i in part.members[:MEMBERS]),
        np.random.default_rng(0).permutation(count),
    )
    chosen: dict[int, None] = {}
    for index in first:
        chosen[int(index)] = None
        if len(chosen) == most:
            break
    return np.array(sorted(chosen))


def page_data(
    found: Exploration, shown: np.ndarray, graph: NeighborGraph
) -> dict[str, Any]:
    """All that the page shows of these images, by their positions among them."""
    position = {int(index): new for new, index in enumerate(shown)}

    def visible(indices: Sequence[int] | np.ndarray) -> list[int]:
        return [position[int(i)] for i in indices if int(i) in position]

    levels: dict[tuple[str, int], dict[str, Any]] = {}
    for group in found.groups:
        level = levels.setdefault(
            (group.method, group.level),
            {
                'method': group.method,
                'level': group.level,
                'of': [0] * len(shown),
                'groups': [],
            },
        )
        members = visible(group.members)
        for member in members:
            level['of'][member] = group.number - 1
        level['groups'].append(
            {
                'name': group.name,
                'purity': group.purity,
                'size': len(group.members),
                'spread': round(group.spread, 4),
                'members': visible(group.members[:MEMBERS]) or members[:MEMBERS],
            }
        )
    rank = np.empty(len(found.files))
    rank[np.argsort(found.outlier_scores)] = np.arange(len(found.files))
    return {
        'files': [found.files[i] for i in shown],
        'classes': found.classes and [found.classes[i] for i in shown],
        'points': np.round(found.points[shown], 4).tolist(),
        'neighbors': graph.indices.tolist(),
        'similarities': np.round(graph.similarities, 3).tolist(),
        'unusual': np.round(100 * rank[shown] / len(found.files), 1).tolist(),
        'levels': list(levels.values()),
        'duplicates': [
            {
                'members': visible(part.members),
                'similarity': round(float(part.similarities.max()), 4),
                'size': len(part.members),
            }
            for part in found.duplicates[:SETS]
        ],
        'outliers': visible(found.outliers),
        'subset': visible(found.selected),
    }


def embedded(data: Any) -> Markup:
    """JSON that is safe inside a script element."""
    text = json.dumps(data, separators=(',', ':'))
    for sign in '<>&':
        text = text.replace(sign, f'\\u{ord(sign):04x}')
    return Markup(text)  # noqa: S704 escaped above
