"""What a run's checkpoints make of a sample of images, epoch by epoch."""

import base64
import io
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch.nn import functional as F
from tqdm import tqdm

from ..apis.look import Sample, checkpoints_of, neighbours, newest_config, take_sample
from ..evaluation import group_features, group_quality
from ..visualization import embed, group_members
from .collect import Run

THUMBNAIL, COLUMNS = 36, 40
QUERIES, NEIGHBOURS, MEMBERS = 8, 8, 12


@dataclass
class Snapshot:
    """A sample of images through a run's checkpoints.

    Attributes:
        sprite: all thumbnails in one PNG, a data URL.
        side: pixels of a thumbnail.
        columns: thumbnails in a row of it.
        labels: class of each image.
        names: of the classes.
        queries: images whose neighbours are shown.
        epochs: what each checkpoint gives: ``places``, ``groups``, ``members`` of
            each group from most to least central, ``neighbours``, ``quality``.
    """

    sprite: str
    side: int
    columns: int
    labels: list[int]
    names: list[str]
    queries: list[int]
    epochs: dict[int, dict[str, Any]]


def look_at_run(run: Run, number: int, groups: int | None) -> Snapshot | None:
    """Features of a sample by every checkpoint; None if there is no checkpoint.

    Args:
        run: the run.
        number: images of the sample.
        groups: K of the k-means groups; the number of classes by default.
    """
    checkpoints = checkpoints_of(run.work_dir)
    if not checkpoints:
        return None
    sample = take_sample(newest_config(run.work_dir), number)
    classes = len(set(sample.labels.tolist()))
    queries = first_of_each(sample.labels)
    epochs: dict[int, dict[str, Any]] = {}
    places = None
    for epoch, path in tqdm(checkpoints.items(), desc=run.name, unit='checkpoint'):
        found = sample.features(path)
        features = F.normalize(found.get('instance', found['backbone']).cpu(), dim=1)
        places = embed(features.numpy(), start=places)
        epochs[epoch] = describe(
            features, places, sample, queries, min(groups or classes, len(features))
        )
    sprite = sprite_of(sample)
    return Snapshot(
        sprite,
        THUMBNAIL,
        COLUMNS,
        sample.labels.tolist(),
        sample.names,
        queries,
        epochs,
    )


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


def sprite_of(sample: Sample) -> str:
    """All images as thumbnails in one PNG, a data URL."""
    number = len(sample.labels)
    rows = -(-number // COLUMNS)
    sheet = Image.new('RGB', (COLUMNS * THUMBNAIL, rows * THUMBNAIL))
    for place in range(number):
        image = Image.fromarray(sample.image(place, THUMBNAIL)).convert('RGB')
        corner = (place % COLUMNS * THUMBNAIL, place // COLUMNS * THUMBNAIL)
        sheet.paste(image, corner)
    buffer = io.BytesIO()
    sheet.save(buffer, 'PNG', optimize=True)
    return f'data:image/png;base64,{base64.b64encode(buffer.getvalue()).decode()}'
