"""kNN against a vote counted by hand; seeded views; compatibility patches."""

import pickle
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional as F

from cld_mm.compat import checkpoint_loading, mmcv_module, torchvision_ops
from cld_mm.datasets import SeededIndex, SeededSampler
from cld_mm.datasets.transforms import SeededMultiView, seeded_random
from cld_mm.evaluation import knn_classify
from cld_mm.evaluation.functional.knn import _top_k
from tests.helpers.ranks import run_ranks


@pytest.mark.parametrize(('n', 'm', 'k'), [(50, 20, 7), (10, 3, 10), (5, 4, 1)])
@pytest.mark.parametrize('chunk', [1, 10**6])
def test_knn_is_the_vote(n: int, m: int, k: int, chunk: int) -> None:
    train, labels, test = torch.randn(n, 6), torch.arange(n) % 4, torch.randn(m, 6)
    scores = knn_classify(train, labels, test, k, 0.1, chunk_elements=chunk)
    similarity = F.normalize(test, dim=1) @ F.normalize(train, dim=1).t()
    for row, ours in zip(similarity, scores, strict=True):
        votes = torch.zeros(min(n, 4))
        for place in row.argsort(descending=True)[:k]:
            votes[labels[place]] += (row[place] / 0.1).exp()
        torch.testing.assert_close(ours, votes / votes.sum())


@settings(max_examples=25, deadline=None)
@given(
    st.integers(1, 40),
    st.integers(1, 45),
    st.sampled_from([1, 9, 100]),
    st.sampled_from([0.07, 1.0]),
    st.integers(0, 99),
)
@pytest.mark.filterwarnings('ignore:k is')
def test_chunks_and_order_change_no_vote(
    n: Any, k: Any, chunk: Any, temperature: Any, seed: int
) -> None:
    generator = torch.Generator().manual_seed(seed)
    train, test = (torch.randn(size, 4, generator=generator) for size in (n, 5))
    labels = torch.randint(0, 3, (n,), generator=generator)
    whole = knn_classify(train, labels, test, k, temperature, 3)
    order = torch.randperm(n, generator=generator)
    other = knn_classify(
        train[order], labels[order], test, k, temperature, 3, chunk_elements=chunk
    )
    torch.testing.assert_close(whole, other)


def test_equal_features_give_equal_scores_each_time() -> None:
    x, labels = torch.ones(40, 512), torch.arange(40) % 4
    scores = knn_classify(x, labels, x[:7], k=15)
    assert torch.equal(scores, knn_classify(x, labels, x[:7], k=15))
    torch.testing.assert_close(scores.sum(1), torch.ones(7))


def test_knn_finds_what_scikit_learn_and_faiss_find() -> None:
    faiss = pytest.importorskip('faiss')
    from sklearn.neighbors import NearestNeighbors

    generator = torch.Generator().manual_seed(3)
    train, test = (torch.randn(n, 64, generator=generator) for n in (900, 120))
    labels = torch.randint(0, 7, (900,), generator=generator)
    ours = knn_classify(train, labels, test, 30, 0.1)
    x, q = (F.normalize(part, dim=1).numpy() for part in (train, test))
    search = NearestNeighbors(n_neighbors=30, metric='cosine', algorithm='brute')
    distances, rows = search.fit(x).kneighbors(q)
    index = faiss.IndexFlatIP(64)
    index.add(x)
    for similarity, places in ((1 - distances, rows), index.search(q, 30)):
        weights = np.exp(similarity / 0.1)[..., None] * np.eye(7)[labels[places]]
        votes = weights.sum(1) / weights.sum((1, 2))[:, None]
        np.testing.assert_allclose(ours, votes, atol=1e-5)


SHARDS = {
    'dealt out': lambda n: [range(0, n, 2), range(1, n, 2)],
    'halves': lambda n: [range(n // 2), range(n // 2, n)],
    'few': lambda n: [range(3, n), range(3)],
    'none': lambda n: [range(0), range(n)],
}


def _sharded(rank: int) -> None:
    generator = torch.Generator().manual_seed(0)
    train, test = (torch.randn(n, 6, generator=generator) for n in (41, 9))
    labels = torch.arange(41) % 5
    for k, chunk in ((7, 10**6), (30, 20), (1, 1), (41, 50)):
        whole = knn_classify(train, labels, test, k, 0.1)
        for deal in SHARDS.values():
            mine = list(deal(41)[rank])
            joined = knn_classify(
                train[mine], labels[mine], test, k, 0.1, None, chunk, sharded=True
            )
            torch.testing.assert_close(joined, whole)
    with pytest.warns(UserWarning, match='only 41 training images: all vote'):
        knn_classify(train[mine], labels[mine], test, 99, sharded=True)
    # What is wrong on one rank ends both, instead of leaving the other waiting.
    for bad in (train * (float('nan') if rank else 1), train[:, rank:]):
        with pytest.raises(ValueError, match=r'NaN|\(N, C\)|valid features:'):
            knn_classify(bad, labels, test, 3, sharded=True)
    with pytest.raises(ValueError, match=r'test features: \[9, 8\]'):
        knn_classify(train, labels, test[rank:], 3, sharded=True)


def test_knn_of_shards_is_knn_of_the_whole() -> None:
    run_ranks(_sharded)


def test_knn_bad_input() -> None:
    x, y = torch.randn(4, 3), torch.arange(4) % 2
    with pytest.warns(UserWarning, match='only 4 training images: all vote'):
        knn_classify(x, y, x, k=9)
    with pytest.raises(ValueError, match='NaN'):
        knn_classify(x, y, x * float('nan'), k=2)
    with pytest.raises(ValueError, match='k and temperature must be > 0, got 0'):
        knn_classify(x, y, x, k=0)
    with pytest.raises(ValueError, match='Label 1 is not below num_classes, 1'):
        knn_classify(x, y, x, k=2, num_classes=1)
    with pytest.raises(ValueError, match='labels from -1'):
        knn_classify(x, y - 1, x, k=2)
    with pytest.raises(ValueError, match='N >= 1'):
        knn_classify(x[:0], y[:0], x, k=2)
    with pytest.raises(ValueError, match=r'\(M, C\)'):
        knn_classify(x, y, x[:, :2], k=2)


def test_views_depend_on_seed_epoch_and_image_only() -> None:
    sampler = SeededSampler(range(10), seed=3)
    first = [(int(i), i.seed) for i in sampler]
    assert [(int(i), i.seed) for i in sampler] == first
    sampler.set_epoch(1)
    assert {i.seed for i in sampler}.isdisjoint({seed for _, seed in first})
    index = pickle.loads(pickle.dumps(SeededIndex(4, 2**60)))
    assert (index, index.seed) == (4, 2**60)

    views = SeededMultiView([[lambda r: {'img': np.random.rand()}]], num_views=3)
    state = torch.get_rng_state()
    one = views({'img': 0, 'sample_idx': index})['img']
    np.random.rand()
    assert views({'img': 0, 'sample_idx': index})['img'] == one
    assert len(set(one)) == 3
    assert torch.equal(state, torch.get_rng_state())
    with seeded_random(1):
        a = torch.rand(2)
    with seeded_random(1):
        assert torch.equal(torch.rand(2), a)


def test_checkpoint_attributes_are_limited() -> None:
    with pytest.raises(ValueError, match='do not trust'):
        checkpoint_loading.history_buffer_method(dict, '__class__')


def test_missing_mmcv_says_what_to_type(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mmcv_module, 'find_spec', lambda name: None)
    with pytest.raises(ImportError, match='pip install mmcv-lite'):
        mmcv_module.require_mmcv()


def test_torchvision_patch_does_nothing_twice() -> None:
    from torchvision.transforms import v2

    assert torchvision_ops.define_missing_torchvision_ops() is False
    assert callable(v2.RandomResizedCrop)


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 4), st.integers(0, 15), st.integers(1, 5), st.booleans())
def test_nearest_by_blocks_are_the_nearest(
    k: Any, rest: Any, rows: Any, ties: Any
) -> None:
    generator = torch.Generator().manual_seed(rest)
    similarity = torch.randn(rows, 16 * 40 + rest, generator=generator)
    if ties:
        similarity = similarity.round()
    values, places = _top_k(similarity, k)
    assert torch.equal(values, similarity.topk(k, dim=1).values)
    assert torch.equal(similarity.gather(1, places), values)
    assert all(len(set(row.tolist())) == k for row in places)
