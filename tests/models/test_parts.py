"""Layers, necks, queue, momentum encoder and exchange between ranks."""

from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from mmengine.optim import OptimWrapper
from torch import distributed as dist
from torch import nn
from torch.nn import functional as F

from cld_mm.distributed.collectives import gather
from cld_mm.models.heads import CLDHead
from cld_mm.models.layers import NormLinear
from cld_mm.models.memories import FeatureQueue, MemoryBank
from cld_mm.models.necks import (
    MLP,
    LinearProjectionNeck,
    NormLinearNeck,
    NormMLP,
    TwoBranchNeck,
)
from cld_mm.models.utils.momentum_encoder import MomentumEncoder
from cld_mm.models.utils.pretrained_init import StrictPretrainedInit
from cld_mm.models.utils.shuffle_bn import gather_shuffled, shuffle
from tests.helpers.ranks import run_ranks
from tests.helpers.tiny_models import CLD


def test_norm_linear_gives_cosines() -> None:
    layer, x = NormLinear(5, 3), torch.randn(4, 5)
    torch.testing.assert_close(layer.weight.norm(dim=1), torch.ones(3))
    with torch.no_grad():
        layer.weight.mul_(7)
    expected = F.cosine_similarity(x[:, None], layer.weight[None], dim=-1)
    torch.testing.assert_close(layer(x), expected)
    assert [name for name, _ in layer.named_parameters()] == ['weight']


@pytest.mark.parametrize(
    ('kind', 'hidden', 'cosine'),
    [
        (LinearProjectionNeck, False, False),
        (NormLinearNeck, False, True),
        (MLP, True, False),
        (NormMLP, True, True),
    ],
)
def test_necks_are_the_table(kind: Any, hidden: bool, cosine: bool) -> None:
    neck, x = kind(6, 4), torch.randn(5, 6)
    h = F.relu(neck.trunk[0](x)) if hidden else x
    if cosine:
        out = F.normalize(h, dim=1) @ F.normalize(neck.projection.weight.t(), dim=0)
    else:
        out = h @ neck.projection.weight.t() + neck.projection.bias
    torch.testing.assert_close(neck(x), F.normalize(out, dim=1))
    maps = x[:, :, None, None].expand(-1, -1, 2, 3)
    torch.testing.assert_close(neck((maps,)), neck(x))


def test_two_branches_share_the_trunk() -> None:
    neck, x = TwoBranchNeck(6, 4), torch.randn(5, 6)
    projections = neck(x)
    for branch, layer in zip(projections, (neck.instance, neck.group), strict=True):
        torch.testing.assert_close(branch, F.normalize(layer(neck.trunk(x)), dim=1))
    assert torch.equal(neck.forward_instance(x), projections.instance)
    with pytest.raises(ValueError, match="got 'Mlp'"):
        TwoBranchNeck(6, 4, projection='Mlp')


@given(sizes=st.lists(st.integers(1, 7), max_size=12))
@settings(max_examples=40, deadline=None)
def test_queue_wraps(sizes: Any) -> None:
    queue, ring, place = FeatureQueue(7, 2), FeatureQueue(7, 2).features, 0
    ring.copy_(queue.features)
    for step, size in enumerate(sizes):
        keys = torch.full((size, 2), float(step)) + torch.arange(size)[:, None] / 10
        queue.enqueue(keys)
        for key in keys:
            ring[place] = key
            place = (place + 1) % 7
    assert torch.equal(queue.features, ring)
    assert int(queue.pointer) == place


def test_queue_too_small_is_named() -> None:
    with pytest.raises(ValueError, match=r'adds 8 keys .* queue holds 7'):
        FeatureQueue(7, 2).enqueue(torch.zeros(8, 2))


def test_bank_rows_and_duplicates() -> None:
    bank = MemoryBank(5, 3)
    start, new = bank.features.clone(), F.normalize(torch.randn(3, 3), dim=1)
    bank.update(torch.tensor([4, 1, 4]), new)
    expected = start.clone()
    expected[1] = F.normalize(0.5 * start[1] + 0.5 * new[1], dim=0)
    expected[4] = F.normalize(0.5 * start[4] + 0.5 * new[2], dim=0)
    torch.testing.assert_close(bank.features, expected)
    with pytest.raises(ValueError, match='5 rows, but the training set has 6 images'):
        bank.check_size(6)
    with pytest.raises(ValueError, match=r'\(5, 3\).*\(6, 3\)'):
        MemoryBank(6, 3).load_state_dict(bank.state_dict())


def test_momentum_encoder_moves_once_a_step_under_accumulation() -> None:
    net = nn.Sequential(nn.Linear(3, 3), nn.BatchNorm1d(3))
    encoder = MomentumEncoder({'net': net}, 0.1)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.5)
    encoder.follow(optimizer)
    encoder.follow(optimizer)  # twice is once
    wrapper = OptimWrapper(optimizer, accumulative_counts=2)
    wrapper.initialize_count_status(net, 0, 6)
    expected = net[0].weight.detach().clone()
    for step in range(6):
        with wrapper.optim_context(net):
            loss = net(torch.randn(4, 3)).pow(3).sum()
        wrapper.update_params(loss)
        if step % 2:
            expected = 0.9 * expected + 0.1 * net[0].weight.detach()
        torch.testing.assert_close(encoder['net'][0].weight, expected)
    assert not encoder['net'][1].running_mean.any()  # its own statistics
    assert not any(p.requires_grad for p in encoder.parameters())


def test_momentum_encoder_stays_where_the_scaler_skips_a_step() -> None:
    net = nn.Linear(3, 3)
    encoder = MomentumEncoder({'net': net}, 0.5)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.5)
    encoder.follow(optimizer)
    scaler = torch.amp.GradScaler('cpu', init_scale=4.0)
    start = net.weight.detach().clone()
    for factor, moved in ((float('inf'), False), (1.0, True)):
        optimizer.zero_grad()
        scaler.scale(net(torch.ones(2, 3)).sum() * factor).backward()
        scaler.step(optimizer)
        scaler.update()
        assert torch.equal(net.weight, start) != moved
        assert torch.equal(encoder['net'].weight, start) != moved


def _exchange(rank: int, size: Any) -> None:
    images = torch.arange(size * 2.0).view(size, 2) + 100 * rank
    mixed = shuffle(images)
    sources = set((mixed[:, 0] // 100).int().tolist())
    assert len(sources) == min(size, dist.get_world_size())
    assert len(mixed) == size  # also where there are more ranks than images
    keys = gather_shuffled(mixed * 2)
    own = slice(size * rank, size * rank + size)
    assert torch.equal(keys[own], images * 2)
    assert torch.equal(keys, gather(images * 2))


@pytest.mark.parametrize(('world_size', 'size'), [(2, 5), (2, 6), (3, 7), (3, 2)])
def test_shuffled_batch_norm_round_trip(world_size: int, size: int) -> None:
    run_ranks(_exchange, world_size, (size,))


def _head(gathered: Any) -> Any:
    return CLDHead(CLD['grouping'], CLD['loss'], 0.25, gather=gathered)


def _gathered_head(rank: int) -> None:
    torch.manual_seed(0)
    layer, x = nn.Linear(6, 4), torch.randn(10, 6)
    y = x + 0.1 * torch.randn(10, 6)

    def features(rows: Any) -> Any:
        return F.normalize(layer(rows), dim=1)

    joined = _head(False).loss(features(x), features(y))
    expected = torch.autograd.grad(joined['loss_cld'], layer.weight)[0]
    own = slice(5 * rank, 5 * rank + 5)
    losses = _head(True).loss(features(x[own]), features(y[own]))
    gradient = torch.autograd.grad(losses['loss_cld'], layer.weight)[0]
    dist.all_reduce(gradient)
    torch.testing.assert_close(gradient / 2, expected)
    for name in ('loss_cld', 'group_acc', 'groups_used'):
        mean = gather(losses[name].detach()[None]).mean()
        torch.testing.assert_close(mean, joined[name].detach())


def test_gathered_grouping_is_that_of_the_joined_batch() -> None:
    run_ranks(_gathered_head)


def test_pretrained_is_strict(tmp_path: Path) -> None:
    good, path = nn.Linear(3, 2), tmp_path / 'a.pth'
    torch.save(
        {'state_dict': {f'backbone.{k}': v for k, v in good.state_dict().items()}}, path
    )
    net = nn.Linear(3, 2)
    StrictPretrainedInit(str(path))(net)
    assert torch.equal(net.weight, good.weight)
    with pytest.raises(ValueError, match='no weight of Conv2d'):
        StrictPretrainedInit(str(path))(nn.Conv2d(1, 1, 1))
    with pytest.raises(ValueError, match='1 weights of Linear are missing'):
        StrictPretrainedInit(str(path))(nn.Linear(4, 2))
