"""A sample of images through the checkpoints of a run."""

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

from cld_mm.apis.inference import build_model
from cld_mm.evaluation import group_features, group_quality
from cld_mm.evaluation.image_sample import ImageSample, take_sample
from cld_mm.evaluation.neighbors import choose_queries, nearest_neighbors
from cld_mm.visualization import group_members, project

from .collect import Run
from .work_dir import checkpoints_of

THUMBNAIL = 48
LARGEST = 16383  # pixels of a WebP's side
QUERIES, NEIGHBORS, MEMBERS, GROUPS = 8, 8, 12, 10
UNREADABLE = (OSError, EOFError, RuntimeError, ValueError, pickle.UnpicklingError)


@dataclass
class Snapshot:
    """A sample of images through a run's checkpoints.

    Attributes:
        sprite: all thumbnails in one picture, a data URL.
        side: pixels of a thumbnail.
        columns: thumbnails per row of it.
        labels: class of each image, or None where images are unlabeled.
        names: of the classes; of the images where these are unlabeled.
        queries: images whose neighbors are shown.
        epochs: for each checkpoint: ``points``, ``groups``, ``members`` of each group
            from most to least central, ``neighbors``, and ``quality`` with labels.
        unit: what checkpoints are counted in, 'epoch' or 'iteration'.
    """

    sprite: str
    side: int
    columns: int
    labels: list[int] | None
    names: list[str]
    queries: list[int]
    epochs: dict[int, dict[str, Any]]
    unit: str = 'epoch'


def take_snapshot(
    run: Run, number: int, groups: int | None, most: int = 12
) -> Snapshot | None:
    """Features of a sample by the checkpoints; None if there is none to show.

    What is skipped, and why, is added to the run's notes.

    Args:
        run: the run.
        number: images of the sample.
        groups: K of the k-means groups; by default the number of classes, or 10.
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
    labels = sample.labels
    wanted = groups or (GROUPS if labels is None else len(set(labels.tolist())))
    queries = choose_queries(labels, len(sample), QUERIES)
    epochs: dict[int, dict[str, Any]] = {}
    points = None
    for epoch in tqdm(chosen, desc=run.name[:40], unit='checkpoint'):
        path = checkpoints[epoch]
        try:
            features = unit_features(run, sample, path)
        except UNREADABLE as error:
            reason = ' '.join(str(error).split())[:300]
            run.notes.append(f'{path.name} was skipped: {reason}')
            continue
        points = project(features.numpy(), start=points)
        found = describe(features, labels, queries, min(wanted, len(features)))
        span = np.abs(points).max() or 1.0
        epochs[epoch] = {'points': np.round(points / span, 4).tolist(), **found}
    if not epochs:
        return None
    sprite, columns = sprite_of(sample)
    return Snapshot(
        sprite,
        THUMBNAIL,
        columns,
        None if labels is None else labels.tolist(),
        sample.classes or [sample.name(index) for index in range(len(sample))],
        queries,
        epochs,
        'iteration' if checkpoints[chosen[0]].name.startswith('iter') else 'epoch',
    )


def unit_features(run: Run, sample: ImageSample, checkpoint: Path) -> torch.Tensor:
    """Features ``(N, C)`` of unit length on the CPU.

    Raises:
        ValueError: they are not finite.
    """
    assert run.cfg is not None  # noqa: S101 checked by take_snapshot
    found = sample.features(build_model(run.cfg, checkpoint))
    features = found.get('instance', found['backbone']).cpu()
    if not features.isfinite().all():
        raise ValueError('its features are not finite.')
    return F.normalize(features, dim=1)


def spread_over(values: list[int], most: int) -> list[int]:
    """At most so many of the values, evenly spread, the last among them."""
    indices = np.linspace(0, len(values) - 1, min(most, len(values))).round()
    return [values[int(index)] for index in indices] if most > 1 else values[-1:]


def describe(
    features: torch.Tensor, labels: np.ndarray | None, queries: list[int], groups: int
) -> dict[str, Any]:
    """Groups and neighbors of one checkpoint."""
    found = group_features(features, groups)
    quality = {}
    if labels is not None:
        quality = group_quality(found, torch.from_numpy(labels))
    return {
        'groups': found.tolist(),
        'members': group_members(features.numpy(), found.numpy(), MEMBERS),
        'neighbors': nearest_neighbors(features, queries, NEIGHBORS).tolist(),
        'quality': quality,
    }


def sprite_of(sample: ImageSample) -> tuple[str, int]:
    """All images as thumbnails in one WebP, a data URL, and its columns.

    Raises:
        ValueError: they do not fit into one.
    """
    number = len(sample)
    columns = math.ceil(math.sqrt(number))
    if columns * THUMBNAIL > LARGEST:
        raise ValueError(f'{number} images are too many for a page: at most {341**2}.')
    rows = -(-number // columns)
    sheet = Image.new('RGB', (columns * THUMBNAIL, rows * THUMBNAIL))
    for index in range(number):
        image = Image.fromarray(sample.image(index, THUMBNAIL)).convert('RGB')
        corner = (index % columns * THUMBNAIL, index // columns * THUMBNAIL)
        sheet.paste(image, corner)
    buffer = io.BytesIO()
    sheet.save(buffer, 'WEBP', quality=85)
    data = base64.b64encode(buffer.getvalue()).decode()
    return f'data:image/webp;base64,{data}', columns
