"""Weighted k-nearest-neighbour classification of frozen features.

Source: NPID (arXiv 1805.01978), section 3.4, which CLD's evaluation follows:
cosine similarity s, each of the k nearest training images votes for its class
with weight exp(s / T).
"""

import warnings
from collections.abc import Callable

import torch
from torch import Tensor
from torch.backends import mkldnn
from torch.nn import functional as F

from cld_mm.distributed.collectives import gather, world_size

from .knn_exact import exact_votes, is_close
from .progress import progress

BLOCK = 16  # columns whose maximum is looked at first
ROWS, TILE = 256, 8192  # test and training features whose product stays in the cache


@torch.no_grad()
def knn_classify(
    train_features: Tensor,
    train_labels: Tensor,
    test_features: Tensor,
    k: int = 200,
    temperature: float = 0.1,
    num_classes: int | None = None,
    chunk_elements: int = 2**25,
    sharded: bool = False,
    after_chunk: Callable[[int, int], object] = lambda place, chunks: None,
) -> Tensor:
    """Class scores of test features by their nearest training features.

    Of equally near images those of the smaller class vote first, so neither chunks nor
    ranks nor the order of the images change a vote.

    Args:
        train_features: ``(N, C)``, of any length; rows are normalised here.
        train_labels: ``(N,)`` integers from 0.
        test_features: ``(M, C)``.
        k: neighbours that vote; more than N are clamped to N with a warning.
        temperature: T.
        num_classes: number of scores; by default the largest label plus one.
        chunk_elements: bound on the similarities held at once, whatever the sizes;
            the default takes 128 MiB.
        sharded: each rank gives its own part of the training features, which may be
            of any size, and all of the test features; all get the scores of the whole.
        after_chunk: called with the chunk's place and how many there are, equally often
            on all ranks; an error that all of them raise there ends the vote.

    Returns:
        Each class's share of the votes, ``(M, num_classes)``, rows sum to 1.

    Raises:
        ValueError: k or the temperature is not above 0, there is no training
            feature, sizes or labels do not fit, or a feature is not finite; on several
            ranks all raise where one has reason to.
    """
    sharded = sharded and world_size() > 1
    check_vote(k, temperature)
    sizes, largest = _check(train_features, train_labels, test_features, sharded)
    num_train = int(sizes.sum())
    if k > num_train:
        warnings.warn(
            f'k is {k}, but there are only {num_train} training images: '
            f'all {num_train} vote.',
            stacklevel=2,
        )
        k = num_train
    if num_classes is None:
        num_classes = largest + 1
    elif largest >= num_classes:
        raise ValueError(
            f'a training image has the label {largest}, but there are {num_classes} '
            'classes, counted from 0: give labels of the same data set.'
        )
    train = F.normalize(train_features.float(), dim=1)
    test = F.normalize(test_features.float(), dim=1)
    rows = max(1, min(ROWS, chunk_elements, len(test)))
    columns = max(1, min(len(train), chunk_elements // rows))
    parts = [_tiles(part) for part in train.split(columns)]
    # One buffer for all chunks: fresh pages cost a quarter of the product's time.
    buffer = test.new_empty(rows, columns)
    wanted = min(k + 1, num_train)  # the next one shows how close the choice was
    scores = test.new_empty(len(test), num_classes)
    close = torch.zeros(len(test), dtype=torch.bool, device=test.device)
    starts = range(0, len(test), rows)
    for place, start in enumerate(progress(starts, 'kNN', 'chunk')):
        part = slice(start, start + rows)
        nearest, labels = _nearest(test[part], parts, train_labels, wanted, buffer)
        if sharded:
            nearest, labels = _joined(nearest, labels, wanted)
        scores[part] = _votes(nearest[:, :k], labels[:, :k], temperature, num_classes)
        close[part] = is_close(nearest, k, scores[part], temperature)
        after_chunk(place, len(starts))
    if close.any():
        vote = k, temperature, num_classes
        scores[close] = exact_votes(
            test[close],
            train,
            train_labels,
            *vote,
            chunk_elements,
            sharded,
            after_chunk,
        )
    return scores


def check_vote(k: int, temperature: float) -> None:
    """Raise a ValueError unless k and the temperature are above 0."""
    if k < 1 or not temperature > 0:
        raise ValueError(
            f'k is {k} and temperature {temperature}, but both must be '
            'above 0: the recipes use k=200 and T=0.1 or 0.07.'
        )


def _check(
    train: Tensor, labels: Tensor, test: Tensor, sharded: bool
) -> tuple[Tensor, int]:
    """Training images of each rank, ``(ranks,)``, and the largest label.

    Ranks exchange what they found before any raises: the others would wait for ever.
    """
    fits = train.ndim == test.ndim == 2 and labels.shape == train.shape[:1]
    empty = labels.numel() == 0
    mine = [
        train.shape[1] if fits else -1,
        len(train),
        len(test),
        test.shape[1] if fits else -1,
        0 if empty else int(labels.min()),
        0 if empty else int(labels.max()),
        int(train.isfinite().all()),
        int(test.isfinite().all()),
    ]
    found = torch.tensor([mine], device=labels.device)
    found = (gather(found) if sharded else found).cpu()
    width, sizes, tests, test_width, smallest, largest, *finite = found.unbind(1)
    if int(width.min()) < 0 or not (width == test_width).all() or sizes.sum() == 0:
        raise ValueError(
            f'there are {tuple(train.shape)} training features, {tuple(labels.shape)} '
            f'labels and {tuple(test.shape)} test features, but (N, C), (N,) and (M, '
            'C) are needed, N at least 1: pool the features, label each.'
        )
    if (tests != tests[0]).any():
        raise ValueError(
            f'the ranks brought {tests.tolist()} test features: give all of them to '
            'each rank, only the training features are split.'
        )
    if smallest.min() < 0:
        raise ValueError(
            f'a training image has the label {int(smallest.min())}: kNN needs labels '
            'from 0.'
        )
    for name, good in zip(('training', 'test'), finite, strict=True):
        if not good.all():
            raise ValueError(
                f'the {name} features hold NaN or infinity: the checkpoint '
                'or the images are broken.'
            )
    return sizes, int(largest.max())


def _tiles(features: Tensor) -> list[Tensor]:
    """The features ``(N, C)`` as their product with others is fastest.

    On a CPU that is by oneDNN, in tiles whose result stays in the cache: float32 as
    torch's own product (MKL's), which takes twice as long where the CPU is not Intel's.
    """
    if features.device.type != 'cpu' or not mkldnn.is_available() or not len(features):
        return [features]
    return [tile.to_mkldnn() for tile in features.split(TILE)]


def _similarity(test: Tensor, tiles: list[Tensor], buffer: Tensor) -> Tensor:
    """``(M, N)`` products with the tiles' N features, in the buffer if by oneDNN."""
    if not tiles[0].is_mkldnn:
        return test @ tiles[0].t()
    start = 0
    own = test.to_mkldnn()
    for tile in tiles:
        stop = start + tile.shape[0]
        buffer[: len(test), start:stop] = F.linear(own, tile).to_dense()
        start = stop
    return buffer[: len(test), :start]


def _nearest(
    test: Tensor, parts: list[list[Tensor]], labels: Tensor, k: int, buffer: Tensor
) -> tuple[Tensor, Tensor]:
    """Similarities ``(M, k)`` and labels of the nearest of the parts' features.

    Where there are fewer than k, the rest has similarity minus infinity.
    """
    best = test.new_full((len(test), k), float('-inf'))
    found = labels.new_zeros(len(test), k)
    start = 0
    for tiles in parts:
        similarity = _similarity(test, tiles, buffer)
        own = labels[start : start + similarity.shape[1]]
        start += similarity.shape[1]
        values, rows = _top(similarity, min(k, similarity.shape[1]))
        if len(parts) == 1 and values.shape[1] == k:
            return values, own[rows]
        best, found = _best(
            torch.cat([best, values], 1), torch.cat([found, own[rows]], 1), k
        )
    return best, found


def _top(similarity: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """The k largest of each row ``(M, N)``, and where.

    They lie in the k blocks of columns with the largest maxima, and finding those reads
    each value once: where blocks are many, twice as fast as torch's topk of all.
    """
    blocks, rest = divmod(similarity.shape[1], BLOCK)
    if similarity.device.type != 'cpu' or blocks < 4 * k:
        return similarity.topk(k, dim=1)
    whole = similarity[:, : blocks * BLOCK].unflatten(1, (BLOCK, blocks))
    chosen = whole.amax(dim=1).topk(k, dim=1).indices  # M×k
    steps = blocks * torch.arange(BLOCK)
    places = (chosen[:, None] + steps[:, None]).flatten(1)
    if rest:
        tail = torch.arange(blocks * BLOCK, similarity.shape[1])
        places = torch.cat([places, tail.expand(len(places), -1)], dim=1)
    values, rows = similarity.gather(1, places).topk(k, dim=1)
    return values, places.gather(1, rows)


def _best(similarity: Tensor, labels: Tensor, k: int) -> tuple[Tensor, Tensor]:
    values, places = similarity.topk(k, dim=1)
    return values, labels.gather(1, places)


def _joined(similarity: Tensor, labels: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """The k nearest of all ranks' k nearest."""
    values, near = (
        torch.cat(gather(part.contiguous()).chunk(world_size()), dim=1)
        for part in (similarity, labels)
    )
    return _best(values, near, k)


def _votes(
    nearest: Tensor, labels: Tensor, temperature: float, num_classes: int
) -> Tensor:
    # softmax is exp(s/T) over the row's sum, without its overflow at small T
    weights = (nearest / temperature).softmax(dim=1)
    scores = nearest.new_zeros(len(nearest), num_classes)
    return scores.scatter_add_(1, labels, weights)
