"""What a run's checkpoints make of a sample of images, epoch by epoch."""

import base64
import io
import math
import pickle
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch.nn import functional as F
from tqdm import tqdm

from cld_mm.apis.inference import Sample, checkpoints_of, neighbours, take_sample
from cld_mm.evaluation import group_features, group_quality
from cld_mm.visualization import embed, group_members

from .collect import Run

THUMBNAIL = 48
LARGEST = 16383  # pixels of a WebP's side
QUERIES, NEIGHBOURS, MEMBERS = 8, 8, 12
UNREADABLE = (OSError, EOFError, RuntimeError, ValueError, pickle.UnpicklingError)


@dataclass
class Snapshot:
    """A sample of images through a run's checkpoints.

    Attributes:
        sprite: all thumbnails in one picture, a data URL.
        side: pixels of a thumbnail.
        columns: thumbnails in a row of it.
        labels: class of each image.
        names: of the classes.
        queries: images whose neighbours are shown.
        epochs: what each checkpoint gives: ``places``, ``groups``, ``members`` of
            each group from most to least central, ``neighbours``, ``quality``.
        unit: what checkpoints are counted in, 'epoch' or 'iteration'.
    """

    sprite: str
    side: int
    columns: int
    labels: list[int]
    names: list[str]
    queries: list[int]
    epochs: dict[int, dict[str, Any]]
    unit: str = 'epoch'


def look_at_run(
    run: Run, number: int, groups: int | None, most: int = 12
) -> Snapshot | None:
    """Features of a sample by the checkpoints; None if there is none to show.

    What is left out, and why, is added to the run's notes.

    Args:
        run: the run.
        number: images of the sample.
        groups: K of the k-means groups; the number of classes by default.
        most: checkpoints at most, evenly spread with the first and the last.
    """
    checkpoints = checkpoints_of(run.work_dir)
    if not checkpoints or run.cfg is None:
        run.notes.append('There is no checkpoint (epoch_*.pth), so no embedding.')
        return None
    try:
        sample = take_sample(run.cfg, number)
    except (FileNotFoundError, ValueError) as error:  # data are not on this machine
        run.notes.append(f'No embedding: {error}')
        return None
    chosen = spread_over(list(checkpoints), most)
    if len(chosen) < len(checkpoints):
        run.notes.append(f'{len(chosen)} of {len(checkpoints)} checkpoints are shown.')
    classes = len(set(sample.labels.tolist()))
    queries = first_of_each(sample.labels)
    epochs: dict[int, dict[str, Any]] = {}
    places = None
    for epoch in tqdm(chosen, desc=run.name[:40], unit='checkpoint'):
        try:
            features = unit_features(sample, checkpoints[epoch])
        except UNREADABLE as error:
            reason = ' '.join(str(error).split())[:300]
            run.notes.append(f'{checkpoints[epoch].name} is left out: {reason}')
            continue
        places = embed(features.numpy(), start=places)
        epochs[epoch] = describe(
            features, places, sample, queries, min(groups or classes, len(features))
        )
    if not epochs:
        return None
    sprite, columns = sprite_of(sample)
    iterations = checkpoints[chosen[0]].name.startswith('iter')
    return Snapshot(
        sprite,
        THUMBNAIL,
        columns,
        sample.labels.tolist(),
        sample.names,
        queries,
        epochs,
        'iteration' if iterations else 'epoch',
    )


def unit_features(sample: Sample, checkpoint: Path) -> torch.Tensor:
    """Features ``(N, C)`` of length 1 on the CPU.

    Raises:
        ValueError: they are not finite.
    """
    found = sample.features(checkpoint)
    features = found.get('instance', found['backbone']).cpu()
    if not features.isfinite().all():
        raise ValueError('its features are not finite.')
    return F.normalize(features, dim=1)


def spread_over(values: list[int], most: int) -> list[int]:
    """At most so many of the values, evenly spread, the last among them."""
    places = np.linspace(0, len(values) - 1, min(most, len(values))).round()
    return [values[int(place)] for place in places] if most > 1 else values[-1:]


def first_of_each(labels: np.ndarray) -> list[int]:
    """The first image of each of the first classes."""
    return [int(np.flatnonzero(labels == c)[0]) for c in np.unique(labels)[:QUERIES]]


def describe(
    features: torch.Tensor,
    places: np.ndarray,
    sample: Sample,
    queries: list[int],
    groups: int,
) -> dict[str, Any]:
    """One checkpoint's embedding, groups and neighbours."""
    labels = group_features(features, groups)
    span = np.abs(places).max() or 1.0
    return {
        'places': np.round(places / span, 4).tolist(),
        'groups': labels.tolist(),
        'members': group_members(features.numpy(), labels.numpy(), MEMBERS),
        'neighbours': neighbours(features, queries, NEIGHBOURS).tolist(),
        'quality': group_quality(labels, torch.from_numpy(sample.labels)),
    }


def sprite_of(sample: Sample) -> tuple[str, int]:
    """All images as thumbnails in one WebP, a data URL, and its columns.

    Raises:
        ValueError: they do not fit into one.
    """
    number = len(sample.labels)
    columns = math.ceil(math.sqrt(number))
    if columns * THUMBNAIL > LARGEST:
        raise ValueError(
            f'{number} images are too many for a page: take {341**2} at most.'
        )
    rows = -(-number // columns)
    sheet = Image.new('RGB', (columns * THUMBNAIL, rows * THUMBNAIL))
    for place in range(number):
        image = Image.fromarray(sample.image(place, THUMBNAIL)).convert('RGB')
        corner = (place % columns * THUMBNAIL, place // columns * THUMBNAIL)
        sheet.paste(image, corner)
    buffer = io.BytesIO()
    sheet.save(buffer, 'WEBP', quality=85)
    data = base64.b64encode(buffer.getvalue()).decode()
    return f'data:image/webp;base64,{data}', columns
