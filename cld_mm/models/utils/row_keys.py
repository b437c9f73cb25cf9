"""Integer keys that are equal for equal rows, independent of their layout."""

import functools

import torch
from torch import Tensor


def row_keys(rows: Tensor) -> Tensor:
    """A 64-bit key of each row's values, ``(N,)`` int64.

    Equal rows have equal keys, on every device and in every memory format, because
    integer sums do not round; different rows have different ones but for one pair
    in about 10^19. Zero and minus zero are equal.

    Args:
        rows: ``(N, D)`` float32.
    """
    bits = (rows + 0.0).view(torch.int32).long()  # -0.0 + 0.0 is 0.0
    return (bits * _weights(rows.shape[1], rows.device)).sum(dim=1)


def first_equal_rows(rows: Tensor) -> Tensor:
    """For each row the index of the first row with the same values, ``(N,)`` int64.

    Args:
        rows: ``(N, D)`` float32.
    """
    keys, order = row_keys(rows).sort(stable=True)
    starts = torch.arange(len(rows), device=rows.device)
    starts[1:] *= keys[1:] != keys[:-1]
    first = starts.cummax(dim=0).values
    return torch.empty_like(order).scatter_(0, order, order[first])


@functools.lru_cache(maxsize=16)
def _weights(size: int, device: torch.device) -> Tensor:
    generator = torch.Generator().manual_seed(0)
    weights = torch.randint(-(2**62), 2**62, (size,), generator=generator)
    return weights.to(device, non_blocking=True)
