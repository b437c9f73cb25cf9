"""Measures on degenerate inputs, against scikit-learn, scipy and plain loops."""

import math
import warnings
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import cdist, pdist
from scipy.stats import entropy
from sklearn.cluster import KMeans
from sklearn.metrics import (
    adjusted_rand_score,
    average_precision_score,
    normalized_mutual_info_score,
)
from torch.nn import functional as F

from cld_mm.evaluation import (
    accuracy_by_frequency,
    alignment,
    dimension_std,
    effective_rank,
    fit_linear,
    group_features,
    group_quality,
    knn_classify,
    low_shot,
    retrieval,
    top_k_accuracy,
    uniformity,
)

NAN = float('nan')


def features(kind: str, n: Any, c: Any, seed: int = 0) -> Any:
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(n, c, generator=generator)
    if kind == 'constant':
        return x[:1].expand(n, c).clone()
    if kind == 'duplicated':
        return x[torch.randint(0, max(1, n // 3), (n,), generator=generator)]
    if kind == 'some zero':
        return x * (torch.arange(n) % 2)[:, None]
    if kind == 'coarse':
        return x.round()
    return x


KINDS = ['random', 'constant', 'duplicated', 'some zero', 'coarse']
kinds = st.sampled_from(KINDS)


@settings(max_examples=40, deadline=None)
@given(kinds, st.integers(2, 20), st.integers(1, 6), st.floats(0.5, 200), st.integers())
def test_geometry_is_scipys(kind: str, n: Any, c: Any, t: Any, seed: int) -> None:
    x, y = features(kind, n, c, seed % 99), features('random', n, c, 5)
    unit, other = (F.normalize(v.double(), dim=1).numpy() for v in (x, y))
    potentials = -t * pdist(unit) ** 2
    largest = potentials.max()
    slow = largest + math.log(np.exp(potentials - largest).mean())
    assert uniformity(x, t) == pytest.approx(slow, abs=1e-9 * t)
    assert uniformity(x, t, chunk_elements=1) == pytest.approx(slow, abs=1e-9 * t)
    assert alignment(x, x) == pytest.approx(0, abs=1e-12)
    wanted = np.diag(cdist(unit, other)) ** 2
    assert alignment(x, y) == pytest.approx(wanted.mean())
    np.testing.assert_allclose(dimension_std(x), unit.std(0), atol=1e-12)
    if x.any():
        values = np.linalg.svd(x.double().numpy(), compute_uv=False)
        assert effective_rank(x) == pytest.approx(math.exp(entropy(values)), rel=1e-6)


def test_geometry_of_one_image() -> None:
    x = torch.tensor([[3.0, 4.0]])
    assert effective_rank(x) == pytest.approx(1)
    assert alignment(x, -x) == pytest.approx(4)
    assert not dimension_std(x).any()


@settings(max_examples=30, deadline=None)
@given(
    st.integers(1, 30),
    st.sampled_from(['all in one', 'one each', 'one class', 'both']),
    st.integers(0, 99),
)
def test_groups_are_scikit_learns(n: Any, kind: str, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    groups = torch.randint(0, 4, (n,), generator=generator)
    classes = torch.randint(0, 3, (n,), generator=generator) * 5
    if kind in ('all in one', 'both'):
        groups = groups * 0 + 7
    if kind == 'one each':
        groups = torch.arange(n)
    if kind in ('one class', 'both'):
        classes = classes * 0
    ours = group_quality(groups, classes)
    pair = classes.numpy(), groups.numpy()
    assert ours['nmi'] == pytest.approx(normalized_mutual_info_score(*pair))
    assert ours['adjusted_rand'] == pytest.approx(adjusted_rand_score(*pair))
    members = [classes[groups == g].bincount().max() for g in groups.unique()]
    assert ours['purity'] == pytest.approx(float(sum(members)) / n)
    assert ours['groups_used'] == len(members)
    assert ours['group_size'] == pytest.approx(n / len(members))


def test_group_features_are_scikit_learns_k_means() -> None:
    x = F.normalize(torch.cat([features('random', 40, 6), features('coarse', 9, 6)]))
    order = torch.randperm(49, generator=torch.Generator().manual_seed(0))
    ours = group_features(x, 5, num_iters=60)
    start = x[order][:5].double().numpy()
    peer = KMeans(5, init=start, n_init=1, max_iter=60, tol=0).fit(x.double().numpy())
    assert adjusted_rand_score(ours.numpy(), peer.labels_) == 1
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')  # every image its own group
        for many in (9, 10**9):
            assert group_features(x[:3], many).unique().numel() == 3
    assert group_features(torch.ones(8, 2), 3).unique().numel() == 1
    with pytest.raises(ValueError, match='NaN'):
        group_features(x * NAN, 5)


def ranked_by_hand(
    queries: Any, wanted: Any, gallery: Any, labels: Any, k: Any, same: Any
) -> tuple:
    """Precision and recall at k, and scikit-learn's average precision."""
    unit, other = (F.normalize(v.double(), dim=1) for v in (queries, gallery))
    rows = []
    for place, (query, label) in enumerate(zip(unit, wanted, strict=True)):
        keep = [i for i in range(len(other)) if not (same and i == place)]
        hits = (labels[keep] == label).numpy()
        if not hits.any():
            continue
        near = ((query * other[keep]).sum(1) * 2**30).round().numpy()
        first = hits[np.argsort(-near, kind='stable')][:k].sum()
        ap = average_precision_score(hits, near)
        rows.append((first / k, first / hits.sum(), ap))
    return np.mean(rows, 0) if rows else None, len(rows)


@settings(max_examples=40, deadline=None)
@given(kinds, st.integers(1, 9), st.integers(3, 14), st.booleans(), st.integers(0, 99))
@example('coarse', 1, 9, True, 11)  # one direction at several lengths
def test_retrieval_counts_equals_as_scikit_learn(
    kind: str, m: Any, n: Any, same: Any, seed: int
) -> None:
    gallery = features(kind, n, 3, seed)
    labels = torch.randint(0, 4, (n,), generator=torch.Generator().manual_seed(seed))
    queries, wanted = (gallery, labels) if same else (gallery[:m] + 0, labels[:m] + 1)
    found, answered = ranked_by_hand(queries, wanted, gallery, labels, 2, same)
    if found is None:
        with pytest.raises(ValueError, match='has an image of its class'):
            retrieval(queries, wanted, gallery, labels, (2,), same)
        return
    for chunk in (1, 10**6):
        ours = retrieval(queries, wanted, gallery, labels, (2,), same, chunk)
        names = ('precision@2', 'recall@2', 'map')
        assert [ours[name] for name in names] == pytest.approx(found)
        assert ours['queries'] == answered


def test_classes_that_are_empty_or_missing() -> None:
    train, test = features('random', 30, 4), features('random', 8, 4, 1)
    labels = torch.arange(30) % 3 * 2  # classes 1 and 3 have no training image
    truth = torch.tensor([0, 2, 4, 0, 2, 4, 0, 5])  # 1 and 3 no test image, 5 is new
    scores = knn_classify(train, labels, test, 5, num_classes=6)
    assert not scores[:, [1, 3, 5]].any()
    top1 = top_k_accuracy(scores, truth)[0]
    counts = torch.bincount(labels, minlength=6)
    parts = accuracy_by_frequency(scores.argmax(1), truth, counts)
    assert parts['all'] == parts['few'] == pytest.approx(top1)
    assert math.isnan(parts['many'])
    fit = fit_linear(train, labels, epochs=3)
    assert fit.scores(test).shape == (8, 5)
    assert top_k_accuracy(fit.scores(test), truth)[1] <= 100 * 7 / 8
    assert 0 <= low_shot(train, labels, test, truth, (2,), 2)[2][0] <= 100 * 7 / 8
    only = knn_classify(train, labels * 0, test, 5)
    torch.testing.assert_close(only, torch.ones(8, 1))


def test_constant_dimensions_do_not_break_the_linear_fit() -> None:
    generator = torch.Generator().manual_seed(0)
    labels = torch.arange(200) % 2
    useful = labels[:, None] * 4.0 + torch.randn(200, 2, generator=generator)
    x = torch.cat([useful, torch.full((200, 1), 5.1), torch.zeros(200, 1)], dim=1)
    test = x.clone()
    test[:, 2:] += 0.5  # a dimension that training never saw change
    fit = fit_linear(x, labels, (0.1, 1e30), epochs=10)
    assert fit.best == 0
    assert float((fit.scores(test).argmax(1) == labels).float().mean()) > 0.95
    fit = fit_linear(x[:2], labels[:2], (0.1,), epochs=2, held_out=0.99)
    assert fit.weight.isfinite().all()


def test_every_measure_says_nan_and_none_in_a_sentence() -> None:
    x, y = features('random', 6, 3), torch.arange(6) % 2
    bad = x.clone()
    bad[2, 1] = NAN
    for call in (
        lambda v, n: knn_classify(v, n, x, 2),
        lambda v, n: knn_classify(x, y, v, 2) if len(v) else knn_classify(v, n, x, 2),
        lambda v, n: fit_linear(v, n),
        lambda v, n: low_shot(v, n, x, y, (1,)),
        lambda v, n: low_shot(x, y, v, n, (1,)),
        lambda v, n: retrieval(v, n, x, y),
        lambda v, n: retrieval(x, y, v, n),
        lambda v, n: alignment(v, v),
        lambda v, n: uniformity(v),
        lambda v, n: effective_rank(v),
        lambda v, n: dimension_std(v),
        lambda v, n: group_features(v, 2),
        lambda v, n: top_k_accuracy(v, n),
    ):
        with pytest.raises(ValueError, match='NaN') as said:
            call(bad, y)
        assert '\n' not in str(said.value)
        with pytest.raises(ValueError, match=r'at least|N >= 1') as said:
            call(x[:0], y[:0])
        assert '\n' not in str(said.value)
    for labels in (torch.tensor([-1, 0]), torch.tensor([0, 4])):
        with pytest.raises(ValueError, match=r'label (-1|4) has no count'):
            accuracy_by_frequency(labels, labels, torch.tensor([3, 3]))
    with pytest.raises(ValueError, match='labels count from 0'):
        fit_linear(x, y - 1)
