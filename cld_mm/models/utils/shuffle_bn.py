"""Shuffled BatchNorm: keys are normalised beside other ranks' images.

Source: MoCo (arXiv 1911.05722), section 3.3. Queries and their keys must not
share a batch's statistics, which would tell them apart by a shortcut. Here each
rank keeps one part of its batch and sends one part to every other rank
(all-to-all), so each image leaves its rank once at most; MoCo's own form
gathers all images on all ranks. Which images go where need not be drawn: the
sampler has already put them in random order. With one rank nothing moves, as in
MoCo, where a permutation within one batch changes no statistic. The keys come back
with the all-gather that the queue needs anyway.
"""

import torch
from torch import Tensor
from torch import distributed as dist

from .gather import gather, world_size


def part_sizes(num_rows: int, num_parts: int) -> list[int]:
    """Sizes of ``num_parts`` nearly equal parts of ``num_rows``; larger first."""
    size, larger = divmod(num_rows, num_parts)
    return [size + (part < larger) for part in range(num_parts)]


@torch.no_grad()
def shuffle(images: Tensor) -> Tensor:
    """Exchange parts of the batch between ranks.

    Args:
        images: ``(N, ...)``, the same N on every rank.

    Returns:
        The part of every rank's batch that this rank encodes, in rank order;
        N rows, one more or one fewer where N is no multiple of the ranks.
    """
    if world_size() == 1:
        return images
    sent = part_sizes(len(images), world_size())
    received = [sent[dist.get_rank()]] * world_size()
    return _all_to_all(images, sent, received)


@torch.no_grad()
def gather_shuffled(keys: Tensor, num_rows: int) -> Tensor:
    """All ranks' keys, each back in its image's place: one all-gather.

    Args:
        keys: ``(M, C)``, keys of what :func:`shuffle` returned.
        num_rows: N, the rows that :func:`shuffle` was given.

    Returns:
        The keys of all images in rank order, ``(ranks·N, C)``; this rank's own are
        the rows from ``rank·N`` on.
    """
    ranks = world_size()
    if ranks == 1:
        return keys
    sizes = part_sizes(num_rows, ranks)
    most = sizes[0]
    # Where N is no multiple of the ranks, some encode fewer: filled up to the most.
    parts = keys.new_zeros(ranks, most, *keys.shape[1:])
    parts[:, : sizes[dist.get_rank()]] = keys.unflatten(0, (ranks, -1))
    gathered = gather(parts)  # encoding rank and rank of origin × most × C
    by_origin = gathered.unflatten(0, (ranks, ranks)).transpose(0, 1)
    if num_rows == ranks * most:
        return by_origin.flatten(0, 2)
    filled = [by_origin[:, part, :size] for part, size in enumerate(sizes)]
    return torch.cat(filled, dim=1).flatten(0, 1)


def _all_to_all(rows: Tensor, sent: list[int], received: list[int]) -> Tensor:
    out = rows.new_empty(sum(received), *rows.shape[1:])
    dist.all_to_all_single(out, rows.contiguous(), received, sent)
    return out
