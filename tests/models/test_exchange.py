"""What ranks exchange in a step: how often, how much, and that it adds up."""

import os
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import distributed as dist

from cld_mm.distributed.collectives import ALL_GATHER, REDUCE_SCATTER, reduce_to_owner
from cld_mm.models.algorithms import MoCo
from cld_mm.models.heads import CLDHead
from tests.helpers.ranks import run_ranks
from tests.helpers.tiny_models import CLD
from tools.benchmarks import exchange

IMAGE = 28 * 28 * 4
CALLS = {
    ('images', 'all_to_all_single'): 1,
    ('keys', ALL_GATHER): 1,
    ('grouping', ALL_GATHER): 1,
    ('grouping, backward', REDUCE_SCATTER): 1,
}


def _count(rank: int, batch: Any) -> None:
    ours = exchange.step_of(MoCo, batch, 28)
    gradients = ours.calls.pop(('gradients', 'all_reduce'))  # DDP's own
    assert gradients >= 1
    assert dict(ours.calls) == CALLS
    rows = batch * 4 * 64  # bytes of one rank's features of size 64
    assert ours.bytes['images'] == batch // 2 * IMAGE  # a rank keeps the larger half
    assert ours.bytes['keys'] == rows
    assert ours.bytes['grouping'] == ours.bytes['grouping, backward'] == 2 * rows
    theirs = exchange.step_of(exchange.GatheringMoCo, batch, 28)
    assert theirs.bytes['images'] == batch * IMAGE + 2 * batch * 8 * (rank != 0)
    assert theirs.bytes['gradients'] == ours.bytes['gradients']


@pytest.mark.parametrize('batch', [7])
def test_a_step_exchanges_once_for_each_purpose(batch: int) -> None:
    run_ranks(_count, 2, (batch,))


def _keys_and_sums(rank: int) -> None:
    images = torch.randn(6, 1, 28, 28)
    keys = []
    for kind in (MoCo, exchange.GatheringMoCo):
        model = exchange.build(kind, 6).module.eval()  # no batch's statistics
        torch.manual_seed(rank)
        images = torch.randn(6, 1, 28, 28)
        keys.append(model.encode_keys(images))
        own = model.encode_keys(images).chunk(2)[rank]
        # Another place in the batch may round otherwise.
        torch.testing.assert_close(own, keys[-1].chunk(2)[rank])
    torch.testing.assert_close(*keys)

    for dtype in (torch.float32, torch.float64, torch.int64):
        parts = (10 * torch.randn(6, 5)).to(dtype)
        before, expected = parts.clone(), parts.clone()
        dist.all_reduce(expected)
        torch.testing.assert_close(reduce_to_owner(parts), expected.chunk(2)[rank])
        assert torch.equal(parts, before)  # what is summed stays as it was
    alone = CLDHead(CLD['grouping'], CLD['loss'], gather=False)
    with exchange.Received() as received:
        alone.loss(*torch.randn(2, 8, 5).unbind())
    assert not received.calls


def test_both_shuffles_give_the_same_keys_and_sums_reach_their_owner() -> None:
    run_ranks(_keys_and_sums)


def _run(rank: int, data: Any, folder: Path) -> None:
    os.environ.update(RANK=str(rank), LOCAL_RANK=str(rank), WORLD_SIZE='2')
    calls = exchange.run_calls(2, 20, str(data), str(folder))
    each = dict.fromkeys(
        ('gradients: all_reduce', 'images: all_to_all_single', f'keys: {ALL_GATHER}'),
        20,
    )
    assert calls == {**each, 'stop signals: all_reduce': 2}


def test_hooks_of_a_default_run_exchange_only_stop_signals(
    digits: Path, tmp_path: Path
) -> None:
    run_ranks(_run, 2, (digits, tmp_path))
