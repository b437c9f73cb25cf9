"""Weighted k-nearest-neighbor classification of frozen features.

Source: NPID (arXiv 1805.01978), section 3.4, which CLD follows: the k training images
of the largest cosine similarity s vote for their classes with weights exp(s / T).
"""

import warnings
from collections.abc import Callable

import torch
from torch import Tensor
from torch.backends import mkldnn
from torch.nn import functional as F

from cld_mm.distributed.collectives import gather, world_size

from .checks import check_features, check_labels
from .progress import progress

ROWS, TILE = 256, 8192  # test and training rows whose product fits in the CPU cache
BLOCK = 16  # columns per block in the top-k search
PRODUCT = '_linear_pointwise'  # oneDNN's; F.linear would copy its result once more


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
    after_chunk: Callable[[int, int], object] = lambda chunk, num_chunks: None,
) -> Tensor:
    """Class scores of test features, the same on one machine for the same inputs.

    Args:
        train_features: ``(N, C)``; rows are normalized here.
        train_labels: ``(N,)`` integers from 0.
        test_features: ``(M, C)``.
        k: neighbors that vote; clamped to N with a warning.
        temperature: T.
        num_classes: number of scores; by default the largest label plus one.
        chunk_elements: most similarities in memory at once (default: 128 MiB).
        sharded: each rank passes its own part of the training features, of any size,
            and all test features; all ranks get the scores of the whole.
        after_chunk: called with each chunk's index and the number of chunks.

    Returns:
        Fractions of the votes, ``(M, num_classes)``.

    Raises:
        ValueError: invalid settings or features; on all ranks if on one.
    """
    check_vote(k, temperature)
    sharded = sharded and world_size() > 1
    num_train, largest = _check(train_features, train_labels, test_features, sharded)
    if k > num_train:
        warnings.warn(
            f'k is {k}, but there are only {num_train} training images: all vote.',
            stacklevel=2,
        )
        k = num_train
    num_classes = largest + 1 if num_classes is None else num_classes
    if largest >= num_classes:
        raise ValueError(f'Label {largest} is not below num_classes, {num_classes}.')
    train = F.normalize(train_features.float(), dim=1)
    test = F.normalize(test_features.float(), dim=1)
    rows = max(1, min(ROWS, chunk_elements, len(test)))
    columns = max(1, min(len(train), chunk_elements // rows))
    parts = [_tiles(part) for part in train.split(columns)]
    buffer = test.new_empty(rows, columns)  # reused: fresh memory pages are slow
    scores = test.new_zeros(len(test), num_classes)
    chunks = test.split(rows)
    for index, queries in enumerate(progress(chunks, 'kNN', 'chunk')):
        nearest: list[tuple[Tensor, Tensor]] = []
        for tiles, labels in zip(parts, train_labels.split(columns), strict=True):
            values, places = _top_k(_similarity(queries, tiles, buffer), k)
            nearest = [_merge([*nearest, (values, labels[places])], k)]
        values, votes = _merge_ranks(*nearest[0], k) if sharded else nearest[0]
        weights = (values / temperature).softmax(dim=1)  # exp(s/T) without overflow
        scores[index * rows :][:rows].scatter_add_(1, votes, weights)
        after_chunk(index, len(chunks))
    return scores


def check_vote(k: int, temperature: float) -> None:
    """Raise a ValueError unless k and the temperature are above 0."""
    if k < 1 or not temperature > 0:
        raise ValueError(
            f'k and temperature must be > 0, got {k} and {temperature}; the recipes '
            'use k=200 and T=0.1 or 0.07.'
        )


def _check(
    train: Tensor, labels: Tensor, test: Tensor, sharded: bool
) -> tuple[int, int]:
    """Number of training images and largest label; all ranks raise if one does."""
    error, largest = None, int(labels.max()) if labels.numel() else 0
    try:
        check_labels(labels, len(train), 'training labels')
        if len(train) or not sharded:
            check_features(train, 'training features')
        check_features(test, 'test features')
        if train.shape[1:] != test.shape[1:] or (len(train) and labels.min() < 0):
            raise ValueError(
                'kNN needs training features (N, C), test features (M, C) and labels '
                f'>= 0; got {tuple(train.shape)}, {tuple(test.shape)} and labels from '
                f'{int(labels.min())}.'
            )
    except ValueError as raised:
        error = raised
    own = torch.tensor([[error is None, len(train), len(test), largest]])
    found = gather(own.to(train.device)).cpu() if sharded else own
    valid, sizes, tests, largests = found.t()
    if error is not None:
        raise error
    if not valid.all() or (tests != tests[0]).any():
        raise ValueError(
            f'Ranks passed valid features: {valid.bool().tolist()}; numbers of test '
            f'features: {tests.tolist()}. Split only the training features over ranks.'
        )
    return int(sizes.sum()), int(largests.max())


def _tiles(features: Tensor) -> list[Tensor]:
    """``(N, C)`` features in oneDNN's layout: MKL is up to twice as slow on AMD."""
    available = mkldnn.is_available() and hasattr(torch.ops.mkldnn, PRODUCT)
    if features.device.type != 'cpu' or not available or not len(features):
        return [features]
    return [tile.to_mkldnn() for tile in features.split(TILE)]


def _similarity(queries: Tensor, tiles: list[Tensor], buffer: Tensor) -> Tensor:
    """``(M, N)`` products of the queries with the N rows of all tiles."""
    if not tiles[0].is_mkldnn:
        return queries @ tiles[0].t()
    stop, product = 0, getattr(torch.ops.mkldnn, PRODUCT)
    for tile in tiles:
        start, stop = stop, stop + tile.shape[0]
        found = product(queries, tile, None, 'none', [], '')
        buffer[: len(queries), start:stop] = found
    return buffer[: len(queries), :stop]


def _top_k(similarity: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """The k largest values of each row ``(M, N)``, and their columns.

    They are in the k blocks of columns with the largest maxima.
    """
    blocks = similarity.shape[1] // BLOCK
    if similarity.device.type != 'cpu' or blocks < 4 * k:
        return similarity.topk(min(k, similarity.shape[1]), dim=1)
    size = blocks * BLOCK  # the columns after it belong to no block
    maxima = similarity[:, :size].unflatten(1, (BLOCK, blocks)).amax(dim=1)
    chosen = maxima.topk(k, dim=1, sorted=False).indices
    columns = (chosen[:, None] + torch.arange(0, size, blocks)[:, None]).flatten(1)
    rest = torch.arange(size, similarity.shape[1]).expand(len(columns), -1)
    columns = torch.cat([columns, rest], dim=1)
    values, places = similarity.gather(1, columns).topk(k, dim=1)
    return values, columns.gather(1, places)


def _merge(parts: list[tuple[Tensor, Tensor]], k: int) -> tuple[Tensor, Tensor]:
    """The k largest similarities of several lists, with their labels."""
    if len(parts) == 1:
        return parts[0]
    values, labels = (torch.cat(both, dim=1) for both in zip(*parts, strict=True))
    values, places = values.topk(min(k, values.shape[1]), dim=1)
    return values, labels.gather(1, places)


def _merge_ranks(values: Tensor, labels: Tensor, k: int) -> tuple[Tensor, Tensor]:
    missing = (0, k - values.shape[1])  # a rank may hold fewer than k
    values, labels = F.pad(values, missing, value=float('-inf')), F.pad(labels, missing)
    both = (gather(part.contiguous()).chunk(world_size()) for part in (values, labels))
    return _merge(list(zip(*both, strict=True)), k)
