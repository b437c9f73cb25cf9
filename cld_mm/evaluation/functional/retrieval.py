"""Retrieval: how many of an image's nearest images are of its class.

Source: CLD (arXiv 2008.03813), section 4. Equally near images rank in the gallery's
order; in the average precision they count together, as in scikit-learn's.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from .checks import check_features, check_labels
from .cosine import cosine_steps
from .progress import progress


@torch.no_grad()
def retrieval(
    queries: Tensor,
    query_labels: Tensor,
    gallery: Tensor,
    gallery_labels: Tensor,
    k: Sequence[int] = (1, 5, 10),
    same_images: bool = False,
    chunk_elements: int = 2**22,
) -> dict[str, float]:
    """Precision and recall at k and mean average precision by cosine similarity.

    Args:
        queries: ``(M, C)``.
        query_labels: ``(M,)``; an instance's number where a dataset has these.
        gallery: ``(N, C)``.
        gallery_labels: ``(N,)``.
        k: ranks to report; those beyond the gallery's size are left out.
        same_images: the queries are the gallery, and no image is its own answer.
        chunk_elements: bound on the similarities held at once.

    Returns:
        ``precision@k`` and ``recall@k`` for each k, and ``map``; means over the
        queries with at least one answer, whose number is ``queries``.

    Raises:
        ValueError: features are not finite, sizes do not fit, or no query has an
            answer.
    """
    for features, labels, name in (
        (queries, query_labels, 'queries'),
        (gallery, gallery_labels, 'gallery'),
    ):
        check_features(features, name)
        check_labels(labels, len(features), f'{name} labels')
    ranks = [n for n in k if 1 <= n <= len(gallery) - same_images]
    totals = torch.zeros(2 * len(ranks) + 1, dtype=torch.float64)
    answered = 0
    step = max(1, chunk_elements // len(gallery))
    for start in progress(range(0, len(queries), step), 'retrieval', 'chunk'):
        similarity = cosine_steps(queries[start : start + step], gallery)
        hits = query_labels[start : start + step, None] == gallery_labels[None]
        if same_images:
            own = torch.arange(start, start + len(similarity), device=hits.device)
            similarity.scatter_(1, own[:, None], float('-inf'))
            hits.scatter_(1, own[:, None], False)
        ranked, order = similarity.sort(dim=1, descending=True, stable=True)
        is_hit = hits.gather(1, order)
        found = is_hit.cumsum(dim=1)  # hits among the first 1, 2, ...
        use = found[:, -1] > 0
        ranked, is_hit, found = ranked[use], is_hit[use], found[use].double()
        relevant = found[:, -1]
        last = _last_of_equals(ranked)
        precision = found.gather(1, last) / (last + 1)
        average = (precision * is_hit).sum(dim=1) / relevant
        sums = [(found[:, n - 1] / n).sum() for n in ranks]
        sums += [(found[:, n - 1] / relevant).sum() for n in ranks]
        totals += torch.stack([*sums, average.sum()]).cpu()
        answered += len(found)
    if answered == 0:
        raise ValueError(
            f'none of {len(queries)} queries has an image of its class among '
            f'{len(gallery)}: give a gallery with the same classes.'
        )
    values = (totals / answered).tolist()
    names = [f'precision@{n}' for n in ranks] + [f'recall@{n}' for n in ranks] + ['map']
    return {**dict(zip(names, values, strict=True)), 'queries': float(answered)}


def _last_of_equals(ranked: Tensor) -> Tensor:
    """For each place of descending rows the last place with the same value."""
    size = ranked.shape[1]
    places = torch.arange(size, device=ranked.device).expand(ranked.shape)
    ends = torch.ones_like(ranked, dtype=torch.bool)
    ends[:, :-1] = ranked[:, 1:] != ranked[:, :-1]
    return places.where(ends, size).flip(1).cummin(dim=1).values.flip(1)
