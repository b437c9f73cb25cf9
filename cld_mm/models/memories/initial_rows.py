"""Random rows of unit length that any rank can draw its own part of."""

import torch
from torch import Tensor
from torch.nn import functional as F

# Rows drawn in one sequence from the global generator; more than usual datasets have.
# All are multiples of 16, torch's own step.
FIRST_ROWS = 2**21
BLOCK_ROWS = 2**18
_PIECE_ROWS = 2**16


def initial_rows(
    num_rows: int,
    channels: int,
    start: int,
    stop: int,
    first: int = FIRST_ROWS,
    block: int = BLOCK_ROWS,
) -> Tensor:
    """Rows ``start`` to ``stop`` of ``num_rows`` random ones; drops the others.

    The first rows come from the global generator, which advances equally on every
    rank; each block of later rows has a generator of its own, so that no rank draws
    the blocks of others.

    Args:
        num_rows: n, of all ranks.
        channels: C.
        start: first row.
        stop: row after the last one.
        first: rows of the global generator's sequence, a multiple of 16.
        block: rows of a block after them, a multiple of 16.

    Returns:
        ``(stop - start, C)`` float32, each of unit length.
    """
    rows = torch.empty(max(0, stop - start), channels)
    low, end = 0, min(first, num_rows)
    while low < end:
        # torch draws fewer than 16 numbers differently, so never draw such a rest.
        high = end if end - low < _PIECE_ROWS + 16 else low + _PIECE_ROWS
        _keep(rows, torch.randn(high - low, channels), low, start)
        low = high
    if num_rows > first:
        seed = int(torch.randint(2**62, ()))
        begin = first + (max(start, first) - first) // block * block
        for low in range(begin, min(stop, num_rows), block):
            generator = torch.Generator().manual_seed(seed ^ low)
            size = min(block, num_rows - low)
            drawn = torch.randn(size, channels, generator=generator)
            _keep(rows, drawn, low, start)
    return F.normalize(rows, dim=1)


def _keep(rows: Tensor, drawn: Tensor, low: int, start: int) -> None:
    """Copy the drawn rows that are in the window beginning at ``start``."""
    begin, end = max(low, start), min(low + len(drawn), start + len(rows))
    if begin < end:
        rows[begin - start : end - start] = drawn[begin - low : end - low]
