"""Measures against scikit-learn, scipy and plain loops."""

import math
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import pdist
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score
from sklearn.metrics import top_k_accuracy_score as peer_top_k
from sklearn.metrics.cluster import contingency_matrix
from sklearn.svm import LinearSVC
from torch.nn import functional as F

from cld_mm.engine.hooks import CollapseHook
from cld_mm.evaluation import (
    accuracy_by_frequency,
    alignment,
    dimension_std,
    effective_rank,
    fit_linear,
    group_quality,
    low_shot,
    retrieval,
    top_k_accuracy,
    uniformity,
)


@pytest.mark.parametrize('same', [False, True])
@pytest.mark.parametrize('chunk', [1, 10**6])
def test_retrieval(same: bool, chunk: int) -> None:
    generator = torch.Generator().manual_seed(0)
    gallery = torch.randn(40, 5, generator=generator)
    labels = torch.randint(0, 4, (40,), generator=generator)
    labels[7] = 9  # a class of its own
    queries, wanted = (gallery, labels) if same else (gallery[:11] + 0.3, labels[:11])
    ours = retrieval(queries, wanted, gallery, labels, (1, 3, 99), same, chunk)
    precision, recall, average = [], [], []
    similarity = F.normalize(queries, dim=1) @ F.normalize(gallery, dim=1).t()
    for row, label in enumerate(wanted):
        keep = [i for i in range(40) if not (same and i == row)]
        hits = (labels[keep] == label).numpy()
        if not hits.any():
            continue
        order = similarity[row, keep].argsort(descending=True).numpy()
        precision.append(hits[order][:3].mean())
        recall.append(hits[order][:3].sum() / hits.sum())
        average.append(average_precision_score(hits, similarity[row, keep].numpy()))
    assert ours['precision@3'] == pytest.approx(np.mean(precision))
    assert ours['recall@3'] == pytest.approx(np.mean(recall))
    assert ours['map'] == pytest.approx(np.mean(average))
    assert ours['queries'] == len(average)
    assert 'precision@99' not in ours
    with pytest.raises(ValueError, match='none of 2 queries'):
        retrieval(gallery[:2], torch.tensor([70, 71]), gallery, labels)
    with pytest.raises(ValueError, match='gallery hold NaN'):
        retrieval(queries, wanted, gallery * float('nan'), labels)


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 60), st.integers(1, 7), st.integers(1, 5), st.integers(0, 99))
def test_groups(n: Any, k: Any, c: Any, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    groups = torch.randint(0, k, (n,), generator=generator) * 3
    classes = torch.randint(0, c, (n,), generator=generator)
    ours = group_quality(groups, classes)
    table = contingency_matrix(classes.numpy(), groups.numpy())
    assert ours['purity'] == pytest.approx(table.max(0).sum() / n)
    assert ours['groups_used'] == len(set(groups.tolist()))
    order = torch.randperm(n, generator=generator)
    assert group_quality(groups[order], classes[order]) == pytest.approx(ours)
    assert group_quality(classes, classes)['nmi'] == pytest.approx(1)


def test_groups_bad_input() -> None:
    with pytest.raises(ValueError, match='no image'):
        group_quality(torch.zeros(0), torch.zeros(0))
    with pytest.raises(ValueError, match=r'must have shape \(3,\), one per image'):
        group_quality(torch.zeros(3), torch.zeros(2))


def test_geometry() -> None:
    x, y = torch.randn(30, 6), torch.randn(30, 6)
    unit = F.normalize(x.double(), dim=1)
    other = F.normalize(y.double(), dim=1)
    distances = (unit - other).norm(dim=1)
    assert alignment(x, y) == pytest.approx(float((distances**2).mean()))
    assert alignment(x, y, 1) == pytest.approx(float(distances.mean()))
    slow = math.log(np.exp(-2 * pdist(unit.numpy()) ** 2).mean())
    for chunk in (1, 10**6):
        assert uniformity(x, chunk_elements=chunk) == pytest.approx(slow)
    values = np.linalg.svd(x.double().numpy(), compute_uv=False)
    shares = values / values.sum()
    assert effective_rank(x) == pytest.approx(np.exp(-(shares * np.log(shares)).sum()))
    assert effective_rank(torch.eye(5)) == pytest.approx(5)
    assert effective_rank(torch.ones(9, 4)) == pytest.approx(1)
    torch.testing.assert_close(
        dimension_std(x), torch.tensor(unit.numpy().std(0)), check_dtype=False
    )
    assert not dimension_std(torch.ones(3, 4)).any()
    assert uniformity(torch.ones(3, 4)) == pytest.approx(0)
    for call, said in (
        (lambda: effective_rank(torch.zeros(3, 2)), 'collapsed'),
        (lambda: uniformity(x[:1]), 'at least two'),
        (lambda: alignment(x, y[:3]), 'same images'),
        (lambda: dimension_std(x[0]), r'\(N, C\)'),
    ):
        with pytest.raises(ValueError, match=said):
            call()


def test_long_tail() -> None:
    counts = torch.tensor([500, 100, 99, 21, 20, 0])
    labels = torch.tensor([0, 0, 1, 2, 3, 4, 4, 4])
    predicted = torch.tensor([0, 1, 1, 2, 0, 4, 0, 0])
    ours = accuracy_by_frequency(predicted, labels, counts)
    assert ours == pytest.approx(
        {'all': 50.0, 'many': 200 / 3, 'medium': 50.0, 'few': 100 / 3}
    )
    assert math.isnan(accuracy_by_frequency(labels[:2], labels[:2], counts)['few'])
    with pytest.raises(ValueError, match='label 6 has no count'):
        accuracy_by_frequency(torch.tensor([6]), torch.tensor([6]), counts)


def test_collapse_is_noticed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    said = []
    monkeypatch.setattr(
        'cld_mm.engine.hooks.collapse.print_log',
        lambda text, *a, **k: said.append(text),
    )
    hook = CollapseHook(threshold=0.01, begin=3, interval=2)
    for step, value in enumerate([0.0, 0.0, 0.0, 0.5, 0.001, 0.001, 0.001]):
        runner = SimpleNamespace(iter=step)
        hook.after_train_iter(runner, step, None, {'feature_std': torch.tensor(value)})
    assert len(said) == 1
    assert 'feature_std is 0.0010 at iteration 6' in said[0]


def blobs(n: Any, seed: int, spread: float = 1.0) -> tuple:
    generator = torch.Generator().manual_seed(seed)
    centers = 2 * torch.randn(4, 6, generator=torch.Generator().manual_seed(9))
    labels = torch.arange(n) % 4
    noise = torch.randn(n, 6, generator=generator)
    return (centers[labels] + spread * noise) * 5 + 3, labels


def test_linear_heads_reach_logistic_regression() -> None:
    (x, y), (test, truth) = blobs(400, 0), blobs(300, 1)
    fit = fit_linear(x, y, (0.001, 0.1), epochs=40)
    assert fit.best == int(fit.held_out.argmax())
    ours = float((fit.scores(test).argmax(1) == truth).float().mean())
    peer = LogisticRegression(max_iter=1000, C=1e4).fit(x.numpy(), y.numpy())
    assert ours > peer.score(test.numpy(), truth.numpy()) - 0.02
    again = fit_linear(x, y, (0.001, 0.1), epochs=40)
    assert torch.equal(fit.weight, again.weight)
    # Side by side is one by one.
    alone = fit_linear(x, y, (0.1,), epochs=40)
    torch.testing.assert_close(fit.held_out[1:], alone.held_out)
    with pytest.raises(ValueError, match='are of class 2'):
        fit_linear(x[2::4], y[2::4])
    with pytest.raises(ValueError, match='held_out is 1'):
        fit_linear(x, y, held_out=1)


def test_the_fit_is_sgd_on_a_part_and_judged_on_the_rest() -> None:
    x, y = blobs(120, 0)
    rates, epochs, batch = (0.003, 0.05), 3, 32
    fit = fit_linear(x, y, rates, epochs, batch, weight_decay=1e-3, held_out=0.25)
    generator = torch.Generator().manual_seed(0)
    order = torch.randperm(120, generator=generator)
    judged, used = order[:30], order[30:]
    scaled = (x - x.mean(0)) / x.std(0)
    batches = [
        rows
        for _ in range(epochs)
        for rows in torch.randperm(90, generator=generator).split(batch)
    ]
    for rate, held_out in zip(rates, fit.held_out, strict=True):
        layer = torch.nn.Linear(6, 4)
        torch.nn.init.zeros_(layer.weight)
        torch.nn.init.zeros_(layer.bias)
        optimizer = torch.optim.SGD(
            layer.parameters(), rate, momentum=0.9, weight_decay=1e-3
        )
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, len(batches))
        for rows in batches:
            loss = F.cross_entropy(layer(scaled[used][rows]), y[used][rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
        right = (layer(scaled[judged]).argmax(1) == y[judged]).double().mean()
        assert float(held_out) == pytest.approx(100 * float(right))


@pytest.mark.parametrize(
    ('classifier', 'peer'),
    [
        ('logistic', LogisticRegression(max_iter=1000)),
        ('svm', LinearSVC(random_state=7)),
    ],
)
def test_low_shot_is_scikit_learn_on_each_draw(classifier: str, peer: Any) -> None:
    (x, y), (test, truth) = blobs(60, 0), blobs(90, 1)
    y = y + y.ge(2)  # class 2 is empty
    truth = truth + truth.ge(2)
    found = low_shot(x, y, test, truth, (2, 5), 3, classifier, seed=7)
    for shots, (mean, deviation) in found.items():
        accuracies = []
        for draw in range(3):
            generator = np.random.default_rng([7, shots, draw])
            rows = []
            for label in (0, 1, 3, 4):
                own = generator.permutation([i for i in range(60) if y[i] == label])
                rows += own[:shots].tolist()
            own = x[rows].numpy()
            mean_, std = own.mean(0), own.std(0)
            peer.fit((own - mean_) / std, y[rows].numpy())
            named = peer.predict((test.numpy() - mean_) / std)
            accuracies.append(100 * np.mean(named == truth.numpy()))
        assert mean == pytest.approx(np.mean(accuracies))
        assert deviation == pytest.approx(np.std(accuracies))


@pytest.mark.parametrize('classifier', ['logistic', 'svm'])
def test_low_shot(classifier: str) -> None:
    (x, y), (test, truth) = blobs(80, 0), blobs(200, 1)
    found = low_shot(x, y, test, truth, (1, 8), 4, classifier)
    assert list(found) == [1, 8]
    assert found[8][0] > found[1][0] > 30
    assert found == low_shot(x, y, test, truth, (1, 8), 4, classifier)
    with pytest.raises(ValueError, match='has 20 training images, but 21 shots'):
        low_shot(x, y, test, truth, (21,))
    with pytest.raises(ValueError, match='test features hold NaN'):
        low_shot(x, y, test * float('nan'), truth)


def test_top_k_accuracy_is_scikit_learns() -> None:
    scores, labels = torch.rand(40, 7), torch.arange(40) % 7
    slow = [
        100 * peer_top_k(labels.numpy(), scores.numpy(), k=k, labels=range(7))
        for k in (1, 5)
    ]
    assert top_k_accuracy(scores, labels) == pytest.approx(slow)
    assert top_k_accuracy(scores, labels, (9,)) == [100.0]


def test_a_class_without_votes_is_no_guess() -> None:
    votes = torch.tensor([[0.0, 0.6, 0.4, 0.0], [1.0, 0.0, 0.0, 0.0]])
    labels = torch.tensor([2, 3])
    assert top_k_accuracy(votes, labels, (1, 4), least=0) == [0.0, 50.0]
