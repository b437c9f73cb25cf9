"""Shuffled BatchNorm: keys are normalized beside other ranks' images.

Source: MoCo (arXiv 1911.05722), section 3.3. Queries and their keys must not
share a batch's statistics, which would tell them apart by a shortcut. Here each
rank keeps one part of its batch and sends one part to every other rank
(all-to-all), so each image leaves its rank once at most; MoCo's own form
gathers all images on all ranks. Every rank encodes as many images as it brings,
also where there are more ranks than images per rank. Which images go where need not
be drawn: the sampler has already put them in random order. With one rank nothing
moves, as in MoCo, where a permutation within one batch changes no statistic. The
keys come back with the all-gather that the queue needs anyway.
"""

from functools import lru_cache

import torch
from torch import Tensor
from torch import distributed as dist

from cld_mm.distributed.collectives import gather, world_size


def part_sizes(num_rows: int, origin: int, ranks: int) -> list[int]:
    """How many of ``origin``'s rows go to each rank.

    Nearly equal; the larger parts go to itself and the next ranks, so that over all
    origins every rank gets ``num_rows``.
    """
    size, larger = divmod(num_rows, ranks)
    return [size + ((rank - origin) % ranks < larger) for rank in range(ranks)]


@torch.no_grad()
def shuffle(images: Tensor) -> Tensor:
    """Exchange parts of the batch between ranks.

    Args:
        images: ``(N, ...)``, the same N on every rank.

    Returns:
        The part of every rank's batch that this rank encodes, in rank order,
        ``(N, ...)``.
    """
    ranks = world_size()
    if ranks == 1:
        return images
    number, rank = len(images), dist.get_rank()
    sent = part_sizes(number, rank, ranks)
    received = [part_sizes(number, origin, ranks)[rank] for origin in range(ranks)]
    out = torch.empty_like(images, memory_format=torch.contiguous_format)
    dist.all_to_all_single(out, images.contiguous(), received, sent)
    return out


@torch.no_grad()
def gather_shuffled(keys: Tensor) -> Tensor:
    """All ranks' keys, each back in its image's place: one all-gather.

    Args:
        keys: ``(N, C)``, keys of what :func:`shuffle` returned.

    Returns:
        The keys of all images in rank order, ``(ranks·N, C)``; this rank's own are
        the rows from ``rank·N`` on.
    """
    ranks = world_size()
    if ranks == 1:
        return keys
    return gather(keys)[_places(len(keys), ranks, keys.device)]


@lru_cache(maxsize=8)
def _places(num_rows: int, ranks: int, device: torch.device) -> Tensor:
    """Where each image's key is among the gathered ones, ``(ranks·N,)`` int64."""
    parts = torch.tensor([part_sizes(num_rows, r, ranks) for r in range(ranks)])
    # A key's place: the encoding rank's N rows, in these the parts of the origins
    # before its own, and in its part the images before it.
    before = parts.cumsum(dim=0) - parts  # origin × encoding rank
    start = torch.arange(ranks) * num_rows + before
    first = parts.cumsum(dim=1) - parts  # of its own origin's rows
    counts = parts.flatten()
    within = torch.arange(num_rows).repeat(ranks) - first.flatten().repeat_interleave(
        counts
    )
    places = start.flatten().repeat_interleave(counts) + within
    return places.to(device, non_blocking=True)
