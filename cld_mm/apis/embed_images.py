"""embed: features of images, with their names and labels."""

import sys
from pathlib import Path
from typing import Any

import numpy as np
import torch
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
            see :class:`~cld_mm.apis.image_inputs.ImageInputs`.
        batch_size: images at a time.
        workers: loader processes; chosen if None.
        progress: show a progress bar when it takes long.

    Returns:
        Features in the order of the images; files are paths, or indices where there are
        none; labels are class names, where the images have them.

    Raises:
        FileNotFoundError: there is no such checkpoint, file or folder.
        ValueError: there are no images, or one is not an image.
    """
    if not isinstance(model, Encoder):
        model = init_model(model)
    inputs = ImageInputs(images, model.size, model.in_channels)
    if workers is None:
        from .pretraining.plan import choose_workers

        workers = 0 if len(inputs) <= SMALL else choose_workers(1)
    loader = DataLoader(
        inputs, batch_size, num_workers=workers, collate_fn=_collate, shuffle=False
    )
    features, given = [], []
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
        for pictures, labels in loader:
            features.append(model(pictures).cpu().numpy())
            given += labels
            bar.update(len(pictures))
    model.train(was_training)
    names = inputs.labels()
    if names is None and any(label is not None for label in given):
        names = [inputs.class_name(label) for label in given]
    return Embeddings(np.concatenate(features), inputs.names(), names)


def _collate(items: list[tuple[torch.Tensor, Any]]) -> tuple[torch.Tensor, list[Any]]:
    return torch.stack([image for image, _ in items]), [label for _, label in items]
