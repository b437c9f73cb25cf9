"""MoCo and NPID against plain versions of their losses."""

import copy

import pytest
import torch
from conftest import CLD, tiny_moco
from mmengine.optim import OptimWrapper
from mmpretrain.structures import DataSample
from torch.nn import functional as F

from cld_mm.models.grouping import kmeans
from cld_mm.models.losses import cld_loss
from cld_mm.registry import MODELS


def slow_parts(model, views, num_queries, with_cld):
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
def test_moco_loss(cld, num_queries, views):
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


def test_moco_says_what_is_wrong(views):
    with pytest.raises(ValueError, match=r'got 2 view\(s\) .* needs 3'):
        tiny_moco(CLD).loss(views[:2])
    with pytest.raises(ValueError, match='batch of 1'):
        tiny_moco().loss([view[:1] for view in views])
    with pytest.raises(ValueError, match='brings 6 keys'):
        tiny_moco(queue_len=5).loss(views)
    with pytest.raises(ValueError, match='num_queries is 1'):
        tiny_moco(CLD, num_queries=1)


def test_keys_come_from_the_momentum_encoder(views):
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


def tiny_npid(**settings):
    torch.manual_seed(0)
    return MODELS.build(
        {
            'type': 'NPID',
            'backbone': tiny_moco().backbone,
            'neck': {'type': 'TwoBranchNeck', 'in_channels': 32, 'out_channels': 8},
            'num_images': 30,
            'feat_dim': 8,
            'cld': CLD,
            **settings,
        }
    )


@pytest.mark.parametrize('num_negatives', [0, 5])
def test_npid_trains_and_writes_its_rows_only(num_negatives, views):
    model = tiny_npid(num_negatives=num_negatives)
    samples = [DataSample(metainfo={'sample_idx': i}) for i in (3, 8, 9, 20, 21, 29)]
    before = model.bank.features.clone()
    parts = model.loss(views[:2], samples)
    (parts['loss_instance'] + parts['loss_cld']).backward()
    changed = (model.bank.features != before).any(1).nonzero().flatten().tolist()
    assert changed == [3, 8, 9, 20, 21, 29]
    assert all(p.grad is not None for p in model.neck.parameters())
    assert bool(model.log_normaliser.isfinite()) == bool(num_negatives)
    with pytest.raises(ValueError, match='image 30 has no row'):
        model.loss(views[:2], [DataSample(metainfo={'sample_idx': 30})] * 6)
