"""Cosines in steps, so that equal features tie for any shape of the product.

A matrix product rounds one pair of rows differently in a large and in a small product,
or at its edge: equal images would then rank by chance. In float64, rounded to 2^-36,
they do not (a product of a few thousand columns is off by about 1e-15).
"""

from torch import Tensor
from torch.nn import functional as F

STEPS = 2.0**36  # to 1; a float64 holds all whole numbers up to 2^53


def cosine_steps(rows: Tensor, others: Tensor, block: int = 2**11) -> Tensor:
    """Cosines in steps of 2^-36, ``(M, N)`` float64 of whole numbers.

    Args:
        rows: ``(M, C)`` of any length; made unit length in float64, so that features
            of one direction tie too.
        others: ``(N, C)``, likewise.
        block: of the others, so many are made float64 at a time.
    """
    rows = F.normalize(rows.double(), dim=1)
    found = rows.new_empty(len(rows), len(others))
    # One buffer for all blocks: fresh pages cost more than the product.
    buffer = rows.new_empty(min(block, len(others)), rows.shape[1])
    for start in range(0, len(others), block):
        part = others[start : start + block]
        part = buffer[: len(part)].copy_(part)
        F.normalize(part, dim=1, out=part)
        found[:, start : start + block] = rows @ part.t()
    return found.mul_(STEPS).round_()
