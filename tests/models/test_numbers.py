"""Extremes: whatever goes in, what comes out is finite, or an error that says why."""

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from mmpretrain.structures import DataSample
from torch.nn import functional as F

from cld_mm.evaluation import knn_classify
from cld_mm.models.grouping import kmeans, normalized_cuts
from cld_mm.models.heads import CLDHead
from cld_mm.models.losses import (
    bank_nce_loss,
    bank_softmax_loss,
    cld_loss,
    estimate_normalizer,
    info_nce,
)
from cld_mm.models.memories import FeatureQueue, MemoryBank
from cld_mm.models.necks import MLP, LinearProjectionNeck, NormLinearNeck, NormMLP
from cld_mm.registry import MODELS
from tests.helpers.tiny_models import CLD, tiny_byol, tiny_moco, tiny_npid

pytestmark = pytest.mark.filterwarnings('ignore:num_groups is', 'ignore:k is')
KINDS = ('random', 'zero', 'equal', 'duplicates', 'opposite', 'one zero', 'axes')
TEMPERATURES = st.sampled_from([1e-3, 3e-3, 0.07, 0.2, 1.0, 30.0, 1e3])


def rows(
    kind: str,
    n: Any,
    c: Any,
    generator: torch.Generator,
    dtype: torch.dtype = torch.float32,
) -> Any:
    """Features of unit length, or zero, of every awkward kind."""
    x = torch.randn(n, c, generator=generator)
    if kind == 'zero':
        x = torch.zeros(n, c)
    elif kind == 'equal':
        x = x[:1].expand(n, c).clone()
    elif kind == 'duplicates':
        x = x[torch.randint(0, max(1, n // 3), (n,), generator=generator)]
    elif kind == 'opposite':
        x = x[:1] * torch.tensor([1.0, -1.0]).repeat(n)[:n, None]
    elif kind == 'one zero':
        x[0] = 0
    elif kind == 'axes':
        x = F.one_hot(torch.arange(n) % c, c).float()
    return F.normalize(x, dim=1).to(dtype)


features = st.fixed_dictionaries(
    {
        'kind': st.sampled_from(KINDS),
        'n': st.sampled_from([1, 2, 3, 8, 17]),
        'c': st.sampled_from([1, 2, 5, 16]),
        'seed': st.integers(0, 2**31),
        'dtype': st.sampled_from([torch.float32, torch.float16, torch.bfloat16]),
    }
)


def draw(kind: str, n: Any, c: Any, seed: int, dtype: Any, parts: int = 2) -> list:
    generator = torch.Generator().manual_seed(seed)
    return [rows(kind, n, c, generator, dtype).requires_grad_() for _ in range(parts)]


def assert_finite(loss: Any, *inputs: Any) -> None:
    assert loss.isfinite().all()
    for gradient in torch.autograd.grad(loss, inputs):
        assert gradient.isfinite().all()


@settings(max_examples=120, deadline=None)
@given(
    features,
    TEMPERATURES,
    st.integers(-1, 1),
    st.sampled_from([kmeans, normalized_cuts]),
)
def test_groups_and_cld_loss(
    given_: Any, temperature: Any, extra: Any, grouping: Any
) -> None:
    """K = 1, K = N and K > N, for any kind of features."""
    a, b = draw(**given_)
    num_groups = {-1: 1, 0: len(a), 1: len(a) + 3}[extra]
    ga, gb = (grouping(view, num_groups) for view in (a, b))
    for found in (ga, gb):
        assert found.centroids.isfinite().all()
        assert int(found.counts.sum()) == len(a)
    for mode in ('keep', 'mask'):
        loss = cld_loss(a, b, ga, gb, temperature, mode)
        assert loss.isfinite()
    assert_finite(cld_loss(a, b, ga, gb, temperature), a, b)


@settings(max_examples=120, deadline=None)
@given(features, TEMPERATURES, st.sampled_from(KINDS))
def test_instance_losses(given_: Any, temperature: Any, bank_kind: Any) -> None:
    queries, keys = draw(**given_)
    # Gradients reach 1 / T times a feature: more than float16 holds in no case here.
    generator = torch.Generator().manual_seed(given_['seed'] + 1)
    bank = rows(bank_kind, 33, given_['c'], generator)
    assert_finite(info_nce(queries, keys.detach(), bank, temperature), queries)
    indices = torch.randint(33, (len(queries),), generator=generator)
    assert_finite(bank_softmax_loss(queries, bank, indices, temperature), queries)
    negatives = torch.randint(33, (len(queries), 7), generator=generator)
    log_z = estimate_normalizer(queries, bank, negatives, temperature)
    assert log_z.isfinite()
    loss = bank_nce_loss(queries, bank, indices, negatives, log_z, temperature)
    assert_finite(loss, queries)


@settings(max_examples=60, deadline=None)
@given(features, TEMPERATURES, st.sampled_from([1, 5, 33, 100]))
def test_knn(given_: Any, temperature: Any, k: Any) -> None:
    (test,) = draw(**given_, parts=1)
    generator = torch.Generator().manual_seed(given_['seed'] + 1)
    train = rows(given_['kind'], 33, given_['c'], generator, given_['dtype'])
    labels = torch.arange(33) % 4
    scores = knn_classify(train, labels, test.detach(), k, temperature)
    assert scores.isfinite().all()
    torch.testing.assert_close(scores.sum(1), torch.ones(len(test)))


@settings(max_examples=80, deadline=None)
@given(
    features,
    st.sampled_from([LinearProjectionNeck, NormLinearNeck, MLP, NormMLP]),
    st.sampled_from([0.0, 1e-30, 1e-6, 1.0, 6e4]),
)
def test_necks(given_: Any, neck: Any, scale: Any) -> None:
    """Features of no length, tiny ones and float16's largest, and dead weights."""
    (x,) = draw(**{**given_, 'dtype': torch.float32}, parts=1)
    x = (x.detach() * scale).requires_grad_()
    torch.manual_seed(given_['seed'] % 1000)
    layer = neck(given_['c'], 4)
    out = layer(x)
    assert out.isfinite().all()
    assert (out.norm(dim=1) < 1 + 1e-5).all()
    assert_finite(out.sum(), x, *layer.parameters())
    torch.nn.init.zeros_(layer.projection.weight)
    assert layer(x).isfinite().all()


@pytest.mark.parametrize('dtype', [torch.float16, torch.bfloat16, torch.float32])
@pytest.mark.parametrize('size', [0.0, 6e-8, 65504.0])
def test_grouping_of_half_precision_extremes(dtype: torch.dtype, size: float) -> None:
    x = (torch.randn(12, 6).sign() * size).to(dtype)
    for grouping in (kmeans, normalized_cuts):
        groups = grouping(x, 4)
        assert groups.centroids.isfinite().all()
        assert int(groups.counts.sum()) == 12


def test_memories_undo_what_they_wrote() -> None:
    queue, bank = FeatureQueue(7, 3), MemoryBank(9, 3)
    before = [queue.features.clone(), queue.pointer.clone(), bank.features.clone()]
    for memory in (queue, bank):
        memory.start_recording()
    for step in range(3):
        queue.enqueue(torch.full((5, 3), float(step)))
        bank.update(torch.tensor([1, 4, 1]), torch.full((3, 3), float('nan')))
    queue.undo()
    bank.undo()
    after = [queue.features, queue.pointer, bank.features]
    assert all(torch.equal(one, two) for one, two in zip(before, after, strict=True))


def of_algorithm(name: str, num_groups: Any) -> Any:
    cld = {**CLD, 'grouping': {'num_groups': num_groups}}
    if name == 'moco':
        return tiny_moco(cld)
    if name.startswith('infomin'):
        jigsaw = {'in_channels': 32, 'out_channels': 8}
        with_cld = cld if name == 'infomin_cld' else None
        return tiny_moco(with_cld, type='InfoMin', jigsaw=jigsaw)
    if name.startswith('npid'):
        return tiny_npid(cld=cld, num_negatives=5 if name == 'npid_nce' else 0)
    with_cld = cld if name == 'byol_cld' else None
    torch.manual_seed(0)
    return MODELS.build({'type': 'BYOL', **tiny_byol(with_cld), 'cld': with_cld})


@pytest.mark.parametrize('images', ['zero', 'constant', 'duplicates', 'huge'])
@pytest.mark.parametrize('num_groups', [1, 6, 9])
@pytest.mark.parametrize(
    'name',
    ['moco', 'infomin', 'infomin_cld', 'npid', 'npid_nce', 'byol', 'byol_cld'],
)
def test_a_step_on_degenerate_images(name: str, images: str, num_groups: int) -> None:
    model = of_algorithm(name, num_groups)
    x = {
        'zero': torch.zeros(6, 3, 8, 8),
        'constant': torch.full((6, 3, 8, 8), 7.0),
        'duplicates': torch.randn(1, 3, 8, 8).expand(6, 3, 8, 8),
        'huge': torch.randn(6, 3, 8, 8) * 6e4,
    }[images]
    samples = [DataSample(metainfo={'sample_idx': place}) for place in range(6)]
    num_queries = 2 if name in ('moco', 'infomin_cld') else 1
    views = [x.clone() for _ in range(1 + num_queries)]
    if name.startswith('infomin'):  # nine patches, one below the other
        views.append(x[:, :, :4, :4].repeat(1, 1, 9, 1))
    losses = model.loss(views, samples)
    total = sum(value for part, value in losses.items() if 'loss' in part)
    total.backward()
    assert total.isfinite()
    gradients = [p.grad for p in model.parameters() if p.grad is not None]
    assert gradients
    assert all(gradient.isfinite().all() for gradient in gradients)


def test_a_batch_of_one_is_a_clear_error() -> None:
    view = torch.randn(1, 3, 8, 8)
    with pytest.raises(ValueError, match=r'batch of 1 image.*raise batch_size'):
        tiny_moco(CLD).loss([view, view, view])


@pytest.mark.parametrize('kind', ['KMeansGrouping', 'NormalizedCutsGrouping'])
def test_a_mistyped_number_of_groups_takes_no_memory(kind: str) -> None:
    with pytest.raises(ValueError, match='num_groups must be <= 65536, got 1000000000'):
        CLDHead({'type': kind, 'num_groups': 10**9})
    largest: Any = CLDHead({'type': kind, 'num_groups': 2**16}).grouping
    assert largest.num_groups == 2**16
