"""Features of a whole dataset, from any number of ranks."""

from collections.abc import Callable
from logging import WARNING
from typing import Any

import torch
from mmengine.dist import get_rank, is_main_process
from mmengine.logging import print_log
from torch import Tensor
from torch.utils.data import DataLoader
from tqdm import tqdm

from cld_mm.distributed.collectives import gather, world_size
from cld_mm.distributed.unwrap_model import unwrap_model
from cld_mm.models.layers import pooled

# Which part of a model makes a kind of feature.
PART_OF = {'instance': 'neck', 'group': 'group_neck'}


@torch.no_grad()
def extract_features(
    model: Any,
    dataloader: DataLoader,
    sharded: bool = False,
    after_batch: Callable[[int, int], object] = lambda index, batches: None,
) -> dict[str, Tensor]:
    """Features and labels of every image, in the dataset's order.

    The model runs in eval mode and is put back into the mode it was in. On several
    ranks each encodes its part and all return the whole, unless sharded.

    Args:
        model: an algorithm of this project or of mmpretrain, or one wrapped for
            distributed training. One without ``extract_features`` yields its
            pooled backbone feature only.
        dataloader: unshuffled, with mmengine's DefaultSampler on several ranks.
        sharded: leave each rank its part: the images rank, rank + ranks, ...
        after_batch: called with the batch's index and the rank's number of batches.

    Returns:
        ``backbone`` ``(N, D)``, where the model has it ``instance`` ``(N, C)``, and
        where images are labeled ``labels`` ``(N,)``, -1 for an image without one; on
        the CPU.

    Raises:
        ValueError: an image has several labels.
    """
    model = unwrap_model(model)
    was_training = model.training
    model.eval()
    batches: dict[str, list[Tensor]] = {}
    try:
        # A bar on rank 0's terminal, and none for what is done in a moment.
        quiet = None if is_main_process() else True
        bar = tqdm(
            dataloader, 'features', unit='batch', leave=False, delay=2, disable=quiet
        )
        for index, batch in enumerate(bar):
            data = model.data_preprocessor(batch, False)
            for name, value in _encode(model, data).items():
                batches.setdefault(name, []).append(value)
            after_batch(index, len(dataloader))
    finally:
        model.train(was_training)
    size = len(dataloader.dataset)  # type: ignore[arg-type]
    labels = torch.cat(batches.pop('labels'))
    # All ranks decide alike: by the labels of all of them.
    classes = joined(labels, size).unique()
    labeled = bool((classes >= 0).any())
    if labeled and size > 1 and len(classes) == 1:
        print_log(
            f'all {size} images are of one class, so accuracy on them says nothing: '
            "where 'indices' takes the first of images in the order of their classes, "
            'LabeledFraction takes some of each.',
            'current',
            level=WARNING,
        )
    join = _share if sharded else joined
    found = {name: join(torch.cat(rows), size) for name, rows in batches.items()}
    return {**found, 'labels': join(labels, size)} if labeled else found


def features_of(model: Any, images: Any) -> dict[str, Tensor]:
    """Each kind of feature of preprocessed images, ``(N, C)``.

    Kinds of parts that stayed random when the weights were loaded are left out.
    """
    if hasattr(model, 'extract_features'):
        random = getattr(model, 'random_parts', ())
        found = model.extract_features(images)
        return {k: v for k, v in found.items() if PART_OF.get(k) not in random}
    return {'backbone': pooled(model.extract_feat(images)).float()}


def _encode(model: Any, data: dict) -> dict[str, Tensor]:
    inputs = data['inputs']
    labels = labels_of(data.get('data_samples'), inputs)
    return {**features_of(model, inputs), 'labels': labels}


def labels_of(samples: Any, images: Tensor) -> Tensor:
    """Labels ``(N,)`` on the images' device; -1 for an image without one.

    Args:
        samples: data samples of the images, or None.
        images: ``(N, ...)``.

    Raises:
        ValueError: an image has several labels.
    """
    labels = [_label(sample) for sample in samples or [None] * len(images)]
    return torch.cat(labels).to(images.device)


def _label(sample: Any) -> Tensor:
    """The label ``(1,)`` of an image; -1 where it has none."""
    label = getattr(sample, 'gt_label', None)
    if label is None:
        return torch.tensor([-1])
    if label.numel() != 1:
        raise ValueError(
            f'an image has {label.numel()} labels ({label.tolist()}), but evaluation '
            'needs exactly one per image: multi-label data are not supported.'
        )
    return label.view(1).cpu()


def _share(rows: Tensor, size: int) -> Tensor:
    """This rank's rows, without DefaultSampler's padding."""
    return rows[: len(range(get_rank(), size, world_size()))].cpu()


def joined(rows: Tensor, size: int) -> Tensor:
    """The ranks' rows as one, ``(size, ...)`` on the CPU.

    DefaultSampler deals images out in turn, and pads.
    """
    whole = gather(rows)
    if world_size() > 1:
        whole = whole.view(world_size(), -1, *rows.shape[1:]).transpose(0, 1)
        whole = whole.flatten(0, 1)
    return whole[:size].cpu()
