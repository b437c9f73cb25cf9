"""kNN against a vote counted by hand; seeded views; compatibility patches."""

import pickle

import numpy as np
import pytest
import torch
from conftest import run_ranks
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional as F

from cld_mm.compat import checkpoint_loading, mmcv_module, torchvision_ops
from cld_mm.datasets import SeededIndex, SeededSampler
from cld_mm.datasets.transforms import SeededMultiView, seeded_random
from cld_mm.evaluation import knn_classify
from cld_mm.evaluation.functional.knn import _top


@pytest.mark.parametrize(('n', 'm', 'k'), [(50, 20, 7), (10, 3, 10), (5, 4, 1)])
@pytest.mark.parametrize('chunk', [1, 10**6])
def test_knn_is_the_vote(n, m, k, chunk):
    train, labels, test = torch.randn(n, 6), torch.arange(n) % 4, torch.randn(m, 6)
    scores = knn_classify(train, labels, test, k, 0.1, chunk_elements=chunk)
    similarity = F.normalize(test, dim=1) @ F.normalize(train, dim=1).t()
    for row, ours in zip(similarity, scores, strict=True):
        votes = torch.zeros(min(n, 4))
        for place in row.argsort(descending=True)[:k]:
            votes[labels[place]] += (row[place] / 0.1).exp()
        torch.testing.assert_close(ours, votes / votes.sum())


def _sharded(rank):
    generator = torch.Generator().manual_seed(0)
    train, test = (torch.randn(n, 6, generator=generator) for n in (41, 9))
    labels = torch.arange(41) % 5
    for k, chunk in ((7, 10**6), (30, 20), (1, 1)):
        whole = knn_classify(train, labels, test, k, 0.1)
        mine = slice(rank, None, 2)
        joined = knn_classify(
            train[mine], labels[mine], test, k, 0.1, None, chunk, sharded=True
        )
        torch.testing.assert_close(joined, whole)
    empty = train[:0] if rank else train[:3]
    joined = knn_classify(empty, labels[: len(empty)], test, 2, 0.1, sharded=True)
    torch.testing.assert_close(joined, knn_classify(train[:3], labels[:3], test, 2))


def test_knn_of_shards_is_knn_of_the_whole():
    run_ranks(_sharded)


def test_knn_bad_input():
    x, y = torch.randn(4, 3), torch.arange(4) % 2
    with pytest.warns(UserWarning, match='all 4 vote'):
        knn_classify(x, y, x, k=9)
    with pytest.raises(ValueError, match='NaN'):
        knn_classify(x, y, x * float('nan'), k=2)
    with pytest.raises(ValueError, match='k is 0'):
        knn_classify(x, y, x, k=0)


def test_views_depend_on_seed_epoch_and_image_only():
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


def test_checkpoint_attributes_are_limited():
    with pytest.raises(ValueError, match='do not trust'):
        checkpoint_loading.history_buffer_method(dict, '__class__')


def test_missing_mmcv_says_what_to_type(monkeypatch):
    monkeypatch.setattr(mmcv_module, 'find_spec', lambda name: None)
    with pytest.raises(ImportError, match='pip install mmcv-lite'):
        mmcv_module.require_mmcv()


def test_torchvision_patch_does_nothing_twice():
    from torchvision.transforms import v2

    assert torchvision_ops.define_missing_torchvision_ops() is False
    assert callable(v2.RandomResizedCrop)


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 4), st.integers(0, 15), st.integers(1, 5), st.booleans())
def test_nearest_by_blocks_are_the_nearest(k, rest, rows, ties):
    generator = torch.Generator().manual_seed(rest)
    similarity = torch.randn(rows, 16 * 40 + rest, generator=generator)
    if ties:
        similarity = similarity.round()
    values, places = _top(similarity, k)
    assert torch.equal(values, similarity.topk(k, dim=1).values)
    assert torch.equal(similarity.gather(1, places), values)
    assert all(len(set(row.tolist())) == k for row in places)
