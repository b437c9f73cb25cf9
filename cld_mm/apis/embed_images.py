"""embed: features of images, with their names and labels."""

import logging
import sys
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.logging import print_log
from torch import Tensor
from torch.utils.data import DataLoader
from tqdm import tqdm

from .embeddings import Embeddings
from .encoder import Encoder, init_model
from .image_inputs import ImageInputs

# Fewer images are not worth starting loader processes for.
SMALL = 256


def embed(
    model: Encoder | str | Path,
    images: Any,
    batch_size: int = 64,
    workers: int | None = None,
    progress: bool = True,
) -> Embeddings:
    """Features of images by a trained backbone.

    Args:
        model: of :func:`init_model`; or a run's folder or checkpoint.
        images: a folder or list file, paths, PIL images, arrays, tensors or a dataset;
            see :class:`~cld_mm.apis.image_inputs.ImageInputs`, which may be given
            itself.
        batch_size: images at a time.
        workers: loader processes; chosen if None.
        progress: show a progress bar when it takes long.

    Returns:
        Features in the order of the images; files are paths, or indices where there are
        none; labels are class names, where the images have them. Files of a folder or
        list that cannot be read are left out, with a warning.

    Raises:
        FileNotFoundError: there is no such checkpoint, file or folder.
        ValueError: there are no images, none can be read, or one of a list in memory
            is not an image.
    """
    if not isinstance(model, Encoder):
        model = init_model(model)
    inputs = images if isinstance(images, ImageInputs) else model_inputs(model, images)
    if workers is None:
        from .pretraining.plan import choose_workers

        workers = 0 if len(inputs) <= SMALL else choose_workers(1)
    loader = DataLoader(
        inputs, batch_size, num_workers=workers, collate_fn=collate, shuffle=False
    )
    features: list[np.ndarray] = []
    given: list[Any] = []
    broken: dict[int, str] = {}
    was_training = model.training
    model.eval()
    bar = tqdm(
        total=len(inputs),
        desc='embedding',
        unit='image',
        delay=1,
        leave=False,
        file=sys.stderr,
        disable=None if progress else True,
    )
    with torch.inference_mode(), bar:
        for pictures, labels, reasons in loader:
            if pictures is not None:
                features.append(model(pictures).cpu().numpy())
            broken |= {len(given) + place: text for place, text in reasons.items()}
            given += labels
            bar.update(len(labels))
    model.train(was_training)
    _report_broken(broken, len(inputs))
    names = inputs.labels()
    if names is None and any(label is not None for label in given):
        names = [inputs.class_name(label) for label in given]
    kept = [index for index in range(len(inputs)) if index not in broken]
    files = inputs.names()
    return Embeddings(
        np.concatenate(features),
        [files[index] for index in kept],
        None if names is None else [names[index] for index in kept],
    )


def model_inputs(
    model: Encoder, images: Any, value_range: tuple[float, float] | None = None
) -> ImageInputs:
    """Images as a network takes them.

    Args:
        model: gives size, channels and, if it has one, the range of values.
        images: as in :func:`embed`.
        value_range: used where the model has none, for files of more than 8 bits.
    """
    chosen = model.value_range or value_range
    return ImageInputs(images, model.size, model.in_channels, chosen)


def collate(
    items: list[tuple[Tensor | None, Any]],
) -> tuple[Tensor | None, list[Any], dict[int, str]]:
    """A batch as one tensor: each tensor of a loader process takes an open file.

    Returns:
        The images that could be read, ``(N, C, H, W)``, or None; a label per item; and
        for the others the reason by place.
    """
    images = [image for image, _ in items if image is not None]
    broken = {i: text for i, (image, text) in enumerate(items) if image is None}
    labels = [None if image is None else label for image, label in items]
    return (torch.stack(images) if images else None), labels, broken


def _report_broken(reasons: dict[int, str], number: int) -> None:
    """Warn about images that are left out.

    Raises:
        ValueError: these are all.
    """
    if not reasons:
        return
    example = next(iter(reasons.values()))
    if len(reasons) == number:
        raise ValueError(f'no image could be read; the first: {example}')
    print_log(
        f'{len(reasons)} of {number} images could not be read and are left out; the '
        f'first: {example}',
        'current',
        logging.WARNING,
    )
