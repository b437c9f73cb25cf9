"""Softmax over a large bank of rows, streamed in one pass.

What both the queue's and the memory bank's loss need, value and gradient alike:
for queries q and rows b, ``log sum_j exp(q·b_j / T)`` and the mean of the rows
under that softmax, which is T times the gradient of the former. The rows are
taken chunk by chunk with a running maximum (as online softmax does, arXiv
1805.02867), so neither all N×n logits nor a second n×C copy of the bank is held.
"""

import torch
from torch import Tensor


@torch.no_grad()
def softmax_over_bank(
    queries: Tensor, bank: Tensor, temperature: float, chunk_elements: int = 2**26
) -> tuple[Tensor, Tensor]:
    """Log-normalizer and mean row of the softmax over the bank.

    Args:
        queries: ``(N, C)``.
        bank: ``(n, C)``, any float type; a chunk at a time is cast to that of
            the queries. Autocast, where it is on, chooses the products' type.
        temperature: T.
        chunk_elements: bound on the logits held at once; the default takes
            256 MiB. Rows that are cast are held a quarter as many elements at a time.

    Returns:
        Log-sums ``(N,)`` and means ``(N, C)``, float32.

    Raises:
        ValueError: queries and rows differ in size.
    """
    if queries.shape[1] != bank.shape[1]:
        raise ValueError(
            f'features have size {queries.shape[1]}, but the rows of the queue or bank '
            f'{bank.shape[1]}: set model.feat_dim and out_channels of model.neck (and '
            'of model.jigsaw, where there is one) to the same number.'
        )
    queries_scaled = queries / temperature
    rows = max(1, chunk_elements // max(1, len(queries)))
    if bank.dtype != queries.dtype:  # else a bank in float16 would take more, not less
        rows = max(1, min(rows, chunk_elements // 4 // bank.shape[1]))
    top = queries.new_full((len(queries),), float('-inf'), dtype=torch.float32)
    log_sum = torch.zeros_like(top)
    mean = torch.zeros_like(queries, dtype=torch.float32)
    for chunk in bank.split(rows):
        chunk = chunk.to(queries.dtype)
        logits = (queries_scaled @ chunk.t()).float()  # N×rows
        chunk_top = logits.amax(dim=1)
        new_top = torch.maximum(top, chunk_top)
        weights = logits.sub_(new_top[:, None]).exp_()
        shrink = (top - new_top).exp()  # 0 for the first chunk
        log_sum = log_sum * shrink + weights.sum(dim=1)
        chunk_mean = (weights.to(chunk.dtype) @ chunk).float()
        mean = mean * shrink[:, None] + chunk_mean
        top = new_top
    return log_sum.log() + top, mean / log_sum[:, None]
