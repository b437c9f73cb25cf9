"""Algorithms against plain versions of their losses."""

import copy
import math
from typing import Any

import pytest
import torch
from mmengine.optim import OptimWrapper
from mmpretrain.structures import DataSample
from torch.nn import functional as F

from cld_mm.models.grouping import kmeans
from cld_mm.models.losses import cld_loss
from cld_mm.models.utils.forward_recorder import Recorder
from cld_mm.registry import MODELS
from tests.helpers.tiny_models import CLD, tiny_byol, tiny_moco, tiny_npid
from tests.helpers.watched_operations import LargestNew


def slow_parts(
    model: Any, views: list[torch.Tensor], num_queries: Any, with_cld: Any
) -> tuple:
    queries = [model.project(v) for v in (views[0], views[2])[:num_queries]]
    with torch.no_grad():
        feats = model.momentum_encoder['backbone'](views[1])
        k = model.momentum_encoder['neck'](feats)
        k = k if torch.is_tensor(k) else k.instance
    instance = 0
    for q in queries:
        positive = (q.instance * k).sum(1, keepdim=True)
        logits = torch.cat([positive, q.instance @ model.queue.features.t()], 1) / 0.2
        target = torch.zeros(len(k), dtype=torch.long)
        instance = instance + F.cross_entropy(logits, target) / num_queries
    if not with_cld:
        return instance, instance
    a, b = queries[0].group, queries[1].group
    cross = cld_loss(a, b, kmeans(a, 3, 3), kmeans(b, 3, 3), 0.4)
    return instance, instance + 0.25 * cross


@pytest.mark.parametrize(('cld', 'num_queries'), [(None, 1), (None, 2), (CLD, 2)])
def test_moco_loss(cld: Any, num_queries: int, views: list[torch.Tensor]) -> None:
    model = tiny_moco(cld, num_queries=num_queries)
    model.init_weights()
    slow_model = copy.deepcopy(model)
    parts = model.loss(views[: 1 + num_queries])
    total = sum(value for name, value in parts.items() if 'loss' in name)
    total.backward()
    instance, slow = slow_parts(slow_model, views, num_queries, cld is not None)
    slow.backward()
    torch.testing.assert_close(parts['loss_instance'], instance)
    torch.testing.assert_close(total, slow)
    for (name, one), two in zip(
        model.named_parameters(), slow_model.parameters(), strict=True
    ):
        if two.grad is not None:
            torch.testing.assert_close(
                one.grad, two.grad, atol=1e-5, rtol=1e-3, msg=name
            )
    names = {'loss_instance', 'feature_std'}
    assert set(parts) == names | (
        {'loss_cld', 'group_acc', 'groups_used'} if cld else set()
    )
    assert int(model.queue.pointer) == 6


def test_moco_says_what_is_wrong(views: list[torch.Tensor]) -> None:
    with pytest.raises(ValueError, match=r'got 2 view\(s\) .* needs 3'):
        tiny_moco(CLD).loss(views[:2])
    with pytest.raises(ValueError, match='batch of 1'):
        tiny_moco().loss([view[:1] for view in views])
    with pytest.raises(ValueError, match='adds 6 keys'):
        tiny_moco(queue_len=5).loss(views)
    with pytest.raises(ValueError, match='num_queries is 1'):
        tiny_moco(CLD, num_queries=1)


def test_keys_come_from_the_momentum_encoder(views: list[torch.Tensor]) -> None:
    model = tiny_moco(CLD)
    model.init_weights()
    for (_, own), (_, copied) in zip(
        model.backbone.named_parameters(),
        model.momentum_encoder['backbone'].named_parameters(),
        strict=True,
    ):
        assert torch.equal(own, copied)
    wrapper = OptimWrapper(torch.optim.SGD(model.parameters(), lr=0.1))
    before = model.neck.trunk[0].weight.detach().clone()
    model.train_step({'inputs': views, 'data_samples': []}, wrapper)
    expected = 0.9 * before + 0.1 * model.neck.trunk[0].weight.detach()
    torch.testing.assert_close(model.momentum_encoder['neck'].trunk[0].weight, expected)


@pytest.mark.parametrize('num_negatives', [0, 5])
def test_npid_trains_and_writes_its_rows_only(
    num_negatives: int, views: list[torch.Tensor]
) -> None:
    model = tiny_npid(num_negatives=num_negatives)
    samples = [DataSample(metainfo={'sample_idx': i}) for i in (3, 8, 9, 20, 21, 29)]
    before = model.bank.features.clone()
    parts = model.loss(views[:2], samples)
    (parts['loss_instance'] + parts['loss_cld']).backward()
    changed = (model.bank.features != before).any(1).nonzero().flatten().tolist()
    assert changed == [3, 8, 9, 20, 21, 29]
    assert all(p.grad is not None for p in model.neck.parameters())
    assert bool(model.log_normalizer.isfinite()) == bool(num_negatives)
    with pytest.raises(ValueError, match='image 30 has no row'):
        model.loss(views[:2], [DataSample(metainfo={'sample_idx': 30})] * 6)


def compare_gradients(model: Any, total: Any, slow_model: Any, slow: Any) -> None:
    torch.testing.assert_close(total, slow)
    total.backward()
    slow.backward()
    for (name, one), two in zip(
        model.named_parameters(), slow_model.parameters(), strict=True
    ):
        if two.grad is not None:
            torch.testing.assert_close(
                one.grad, two.grad, atol=1e-5, rtol=1e-3, msg=name
            )
        else:
            assert one.grad is None, name


def slow_cross(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    return 0.25 * cld_loss(a, b, kmeans(a, 3, 3), kmeans(b, 3, 3), 0.4)


def total_of(parts: Any) -> Any:
    return sum(value for name, value in parts.items() if 'loss' in name)


def test_npid_loss(views: list[torch.Tensor]) -> None:
    model = tiny_npid()
    slow_model = copy.deepcopy(model)
    indices = torch.tensor([3, 8, 9, 20, 21, 29])
    samples = [DataSample(metainfo={'sample_idx': int(i)}) for i in indices]
    bank = slow_model.bank.features.clone()
    ours = model.loss(views[:2], samples)
    (a, b) = (slow_model.project(view) for view in views[:2])
    instance = sum(
        F.cross_entropy(p.instance @ bank.t() / 0.1, indices) / 2 for p in (a, b)
    )
    torch.testing.assert_close(ours['loss_instance'], instance)
    slow = instance + slow_cross(a.group, b.group)
    compare_gradients(model, total_of(ours), slow_model, slow)
    for p in (a, b):  # both views enter the bank, one after the other
        bank[indices] = F.normalize(0.5 * bank[indices] + 0.5 * p.instance.detach())
    torch.testing.assert_close(model.bank.features, bank)


@pytest.mark.parametrize('cld', [None, CLD])
def test_infomin_loss(cld: Any, views: list[torch.Tensor]) -> None:
    settings = {'jigsaw': {'in_channels': 32, 'out_channels': 8}, 'jigsaw_weight': 0.3}
    model = tiny_moco(cld, type='InfoMin', **settings)
    model.init_weights()
    slow_model = copy.deepcopy(model)
    patches = torch.randn(6, 9, 3, 4, 4)
    tall = torch.stack([torch.cat(list(image), dim=1) for image in patches])
    assert tall.shape == (6, 3, 36, 4)
    queries = views[:1] if cld is None else [views[0], views[2]]
    inputs = [views[0], views[1], *queries[1:], tall]
    ours = model.loss(inputs)

    feats = slow_model.backbone(torch.cat(list(patches)))[-1].mean((2, 3))
    neck = slow_model.jigsaw
    each = neck.projection(neck.trunk(feats)).view(6, 9 * 8)
    puzzle = F.normalize(neck.fusion(each), dim=1)
    online = [slow_model.project(view) for view in queries]
    with torch.no_grad():
        momentum = slow_model.momentum_encoder
        k = momentum['neck'](momentum['backbone'](views[1]))
        k = k if torch.is_tensor(k) else k.instance

    def nce(x: Any) -> Any:
        logits = torch.cat([(x * k).sum(1, True), x @ slow_model.queue.features.t()], 1)
        return F.cross_entropy(logits / 0.2, torch.zeros(6, dtype=torch.long))

    slow = sum(0.7 * nce(p.instance) + 0.3 * nce(puzzle) for p in online) / len(online)
    torch.testing.assert_close(ours['loss_instance'], slow)
    if cld:
        slow = slow + slow_cross(online[0].group, online[1].group)
    compare_gradients(model, total_of(ours), slow_model, slow)
    assert int(model.queue.pointer) == 6  # once a step
    with pytest.raises(ValueError, match='end the last view'):
        model.loss([*inputs[:-1], views[0]])
    with pytest.raises(ValueError, match='jigsaw_weight must be in'):
        tiny_moco(type='InfoMin', **{**settings, 'jigsaw_weight': 2})


def test_byol_is_mmpretrains(views: list[torch.Tensor]) -> None:
    torch.manual_seed(0)
    ours = MODELS.build({'type': 'BYOL', 'momentum': 0.1, **tiny_byol()})
    theirs = MODELS.build({'type': 'mmpretrain.BYOL', **tiny_byol()})
    ours.init_weights()
    theirs.load_state_dict(ours.state_dict(), strict=False)
    parts = ours.loss(views[:2])
    # Their first step copies the online weights into the target: ours starts so.
    theirs.target_net.module[0].load_state_dict(theirs.backbone.state_dict())
    reference = theirs.loss(views[:2], None)['loss']
    torch.testing.assert_close(parts['loss_instance'], reference)
    parts['loss_instance'].backward()
    reference.backward()
    for one, two in zip(
        ours.backbone.parameters(), theirs.backbone.parameters(), strict=True
    ):
        torch.testing.assert_close(one.grad, two.grad, atol=1e-5, rtol=1e-3)


def test_byol_with_cld_and_its_schedule(views: list[torch.Tensor]) -> None:
    torch.manual_seed(0)
    model = MODELS.build({'type': 'BYOL', 'momentum': 0.1, 'cld': CLD, **tiny_byol(1)})
    model.init_weights()
    slow_model = copy.deepcopy(model)
    parts = model.loss(views[:2])
    predict, neck = slow_model.head.predictor, slow_model.neck
    hidden = [neck.trunk(slow_model.backbone(v)[-1].mean((2, 3))) for v in views[:2]]
    target = [slow_model.encode_target(v) for v in views[:2]]
    cosines = [
        F.cosine_similarity(predict([neck.instance(h)])[0], t).mean()
        for h, t in zip(hidden, target[::-1], strict=True)
    ]
    slow = sum(2 * (2 - 2 * c) for c in cosines)
    torch.testing.assert_close(parts['loss_instance'], slow)
    groups = [F.normalize(neck.group(h), dim=1) for h in hidden]
    compare_gradients(model, total_of(parts), slow_model, slow + slow_cross(*groups))

    encoder = model.target_encoder
    with pytest.raises(ValueError, match='total_steps is not set'):
        encoder.average()
    encoder.total_steps = 4
    shares = []
    for _ in range(5):
        shares.append(encoder.current_momentum())
        encoder.average()
    expected = [0.1 * (math.cos(math.pi * k / 4) + 1) / 2 for k in range(5)]
    assert shares == pytest.approx(expected)
    other = MODELS.build({'type': 'BYOL', 'momentum': 0.1, 'cld': CLD, **tiny_byol(1)})
    other.load_state_dict(model.state_dict())
    other.target_encoder.total_steps = 20
    assert other.target_encoder.current_momentum() == pytest.approx(
        0.1 * (math.cos(math.pi * 5 / 20) + 1) / 2
    )


@pytest.mark.parametrize('num_negatives', [0, 512])
def test_npid_makes_no_second_bank(
    num_negatives: int, views: list[torch.Tensor]
) -> None:
    num_images, channels = 50_000, 64
    model = tiny_npid(
        num_images=num_images,
        feat_dim=channels,
        num_negatives=num_negatives,
        neck={'type': 'TwoBranchNeck', 'in_channels': 32, 'out_channels': channels},
    )
    samples = [DataSample(metainfo={'sample_idx': i}) for i in range(6)]
    model.loss(views[:2], samples)  # estimates Z
    with LargestNew(model.bank.features) as seen:
        total_of(model.loss(views[:2], samples)).backward()
    assert 0 < seen.largest < num_images * channels / 4


def test_jigsaw_costs_one_pass_of_its_patches(views: list[torch.Tensor]) -> None:
    settings = {'jigsaw': {'in_channels': 32, 'out_channels': 8}}
    model = tiny_moco(CLD, type='InfoMin', **settings)
    inputs = [*views, torch.randn(6, 3, 36, 4)]
    averaged = [model.momentum_encoder['backbone']]
    with Recorder(model.backbone, averaged) as recorder:
        model.loss(inputs)
    calls = [(tuple(call.images.shape), call.online) for call in recorder.calls]
    view = (6, 3, 8, 8)
    expected = [(view, True), (view, True), (view, False), ((54, 3, 4, 4), True)]
    assert sorted(calls) == sorted(expected)
