"""Shuffled BatchNorm: keys are normalised beside other ranks' images.

Source: MoCo (arXiv 1911.05722), section 3.3. Queries and their keys must not
share a batch's statistics, which would tell them apart by a shortcut. Here each
rank keeps one part of its batch and sends one part to every other rank
(all-to-all), so each image leaves its rank once at most; MoCo's own form
gathers all images on all ranks. Which images go where need not be drawn: the
sampler has already put them in random order. With one rank nothing moves, as in
MoCo, where a permutation within one batch changes no statistic.
"""

import torch
from torch import Tensor
from torch import distributed as dist

from .gather import world_size


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
def unshuffle(keys: Tensor, num_rows: int) -> Tensor:
    """Return each key to the rank its image came from.

    Args:
        keys: ``(M, C)``, keys of what :func:`shuffle` returned.
        num_rows: N, the rows that :func:`shuffle` was given.

    Returns:
        The keys of this rank's own images in their own order, ``(N, C)``.
    """
    if world_size() == 1:
        return keys
    received = part_sizes(num_rows, world_size())
    sent = [received[dist.get_rank()]] * world_size()
    return _all_to_all(keys, sent, received)


def _all_to_all(rows: Tensor, sent: list[int], received: list[int]) -> Tensor:
    out = rows.new_empty(sum(received), *rows.shape[1:])
    dist.all_to_all_single(out, rows.contiguous(), received, sent)
    return out
