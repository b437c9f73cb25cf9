"""A bank split over ranks against a whole one: values, gradients, rows, files."""

import copy
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from mmengine.model import MMDistributedDataParallel
from mmengine.optim import OptimWrapper
from mmpretrain.structures import DataSample
from torch import distributed as dist
from torch.nn import functional as F

from cld_mm.engine.checkpoint import CheckpointError, damage, write_checkpoint
from cld_mm.engine.checkpoint.bank_rows import (
    bank_folder,
    load_rows,
    read_rows,
    save_rows,
)
from cld_mm.engine.checkpoint.discovery import choose_together
from cld_mm.models.losses import (
    bank_nce_loss,
    bank_softmax_loss,
    estimate_normalizer,
    sharded_nce_loss,
    sharded_softmax_loss,
)
from cld_mm.models.losses.sharded_bank_loss import route_pairs, sharded_normalizer
from cld_mm.models.memories import MemoryBank, ShardedMemoryBank, initial_rows
from cld_mm.models.memories.sharded_bank import shard_bounds
from tests.helpers.ranks import run_ranks
from tests.helpers.tiny_models import tiny_npid


@settings(deadline=None, max_examples=30)
@given(st.integers(1, 200), st.integers(1, 5), st.data())
def test_every_part_of_the_initial_rows_is_the_same(
    num_rows: Any, channels: Any, data: Any
) -> None:
    start = data.draw(st.integers(0, num_rows - 1))
    stop = data.draw(st.integers(start + 1, num_rows))
    rows, after = [], []
    for window in ((0, num_rows), (start, stop)):
        torch.manual_seed(3)
        settings: dict[str, Any] = {'first': 48, 'block': 16}
        rows.append(initial_rows(num_rows, channels, *window, **settings))
        after.append(torch.rand(()))
    assert torch.equal(rows[0][start:stop], rows[1])
    assert after[0] == after[1]
    assert len(rows[0].unique(dim=0)) == num_rows or channels == 1


@pytest.mark.parametrize(
    ('num_rows', 'channels'), [(30, 3), (65537, 2), (65536 + 40, 1)]
)
def test_usual_banks_start_as_one_draw(num_rows: int, channels: int) -> None:
    torch.manual_seed(0)
    plain = F.normalize(torch.randn(num_rows, channels), dim=1)
    torch.manual_seed(0)
    assert torch.equal(initial_rows(num_rows, channels, 0, num_rows), plain)


def compare(rank: int, num_images: Any, batch: Any, seed: int, dtype: Any) -> None:
    """One softmax and one NCE step, and an update, on this rank; all against whole."""
    torch.manual_seed(seed)
    whole = MemoryBank(num_images, 6, 0.3, dtype)
    torch.manual_seed(seed)
    bank = ShardedMemoryBank(num_images, 6, 0.3, dtype)
    assert len(bank) == num_images
    assert len(bank.storage) <= -(-num_images // dist.get_world_size()) + 1
    assert torch.equal(bank.gathered(), whole.features)
    everywhere = torch.arange(num_images)
    for r in range(dist.get_world_size()):
        start, stop = shard_bounds(num_images, r, dist.get_world_size())
        assert bank.owner(everywhere)[start:stop].eq(r).all()
    torch.manual_seed(100 * seed + rank)
    raw = [torch.randn(batch, 6, requires_grad=True) for _ in range(2)]
    indices = torch.randint(num_images, (batch,))  # repeated ones among them
    negatives = torch.randint(num_images, (batch, 5))
    log_z = torch.tensor(2.5)
    one, two = (F.normalize(r, dim=1) for r in raw)
    ours = [
        sharded_softmax_loss(one, bank, indices, 0.1),
        sharded_nce_loss(two, bank, indices, negatives, log_z, 0.1),
    ]
    found = torch.autograd.grad(2 * ours[0] + ours[1], raw, retain_graph=True)
    plain = [
        bank_softmax_loss(one, whole.features, indices, 0.1),
        bank_nce_loss(two, whole.features, indices, negatives, log_z, 0.1),
    ]
    wanted = torch.autograd.grad(2 * plain[0] + plain[1], raw, retain_graph=True)
    torch.testing.assert_close(ours, plain, rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-6)
    # Against autograd through all logits, too.
    logits = one @ whole.features.float().t() / 0.1
    torch.testing.assert_close(ours[0], F.cross_entropy(logits, indices))
    pairs = route_pairs(two.detach(), bank, indices, negatives)
    for temperature in (1.0, 0.01):
        torch.testing.assert_close(
            sharded_normalizer(pairs, bank, temperature),
            estimate_normalizer(two.detach(), whole.features, negatives, temperature),
        )
    for features in (one.detach(), two.detach()):
        whole.update(indices, features)
        bank.update(indices, features)
    assert torch.equal(bank.gathered(), whole.features)


def compare_many(rank: int) -> None:
    world = dist.get_world_size()

    @settings(deadline=None, max_examples=12, derandomize=True, database=None)
    @given(
        st.integers(world, 40),
        st.integers(1, 7),
        st.integers(0, 99),
        st.sampled_from(['float32', 'float16']),
    )
    def check(num_images: Any, batch: Any, seed: int, dtype: Any) -> None:
        compare(rank, num_images, batch, seed, dtype)

    check()


def test_split_over_one_rank_and_over_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    bank = ShardedMemoryBank(7, 4)
    bank.load_state_dict({'features': torch.eye(7, 4)})
    assert torch.equal(bank.features, torch.eye(7, 4))
    assert not bank.state_dict()
    with pytest.raises(ValueError, match=r'bank of \(6, 4\)'):
        bank.load_state_dict({'features': torch.eye(6, 4)})
    monkeypatch.setattr('cld_mm.models.memories.sharded_bank.world_size', lambda: 8)
    with pytest.raises(ValueError, match='7 rows cannot be split over 8 ranks'):
        ShardedMemoryBank(7, 4)


def train_both(rank: int, folder: Path) -> None:
    """Two steps under DDP of both forms; the rows saved by two ranks."""
    compare_many(rank)
    for num_negatives in (0, 5):
        settings = {'num_negatives': num_negatives, 'num_images': 31}
        whole, split = tiny_npid(**settings), tiny_npid(**settings, bank_sharded=True)
        assert torch.equal(split.bank.gathered(), whole.bank.features)
        rows = split.bank.features.clone()
        for model in (whole, split):
            ranks = MMDistributedDataParallel(model, broadcast_buffers=False)
            wrapper = OptimWrapper(torch.optim.SGD(model.parameters(), lr=0.1))
            assert model is whole or torch.equal(rows, model.bank.features)
            for step in range(2):
                torch.manual_seed(10 * step + rank)
                views = [torch.randn(6, 3, 8, 8) for _ in range(2)]
                numbers = torch.randint(31, (6,)).tolist()
                samples = [DataSample(metainfo={'sample_idx': i}) for i in numbers]
                data = {'inputs': views, 'data_samples': samples}
                ranks.train_step(data, wrapper)
        torch.testing.assert_close(
            split.bank.gathered(), whole.bank.features, rtol=1e-4, atol=1e-5
        )
        saved, wanted = split.state_dict(), whole.state_dict()
        assert {k for k in wanted if k not in saved} == {'bank.features'}
        torch.testing.assert_close(
            saved, {k: wanted[k] for k in saved}, rtol=1e-4, atol=1e-5, equal_nan=True
        )
    save_rows(split.bank, folder / 'epoch_1.pth')
    gathered = split.bank.gathered()
    if rank == 0:
        torch.save(gathered, folder / 'all.pth')
        kept = copy.deepcopy(split.bank.features)
        split.bank.storage.zero_()
        load_rows(split.bank, folder / 'epoch_1.pth')
        assert torch.equal(split.bank.features, kept)
    hash_each_file_once(rank, folder, split.bank)


def hash_each_file_once(rank: int, folder: Path, bank: Any) -> None:
    """Each rank its own rows, rank 0 the rest; both choose the same."""
    at = folder / 'epoch_1.pth'
    if rank == 0:
        meta = {'iter': 1, 'epoch': 1, 'run': 1}
        write_checkpoint({'meta': meta, 'optimizer': {}, 'state_dict': {}}, at)
    dist.barrier()
    read = []

    def noting(path: Path) -> Any:
        read.append(Path(path).name)
        return damage(path)

    with (
        mock.patch('cld_mm.engine.checkpoint.bank_rows.damage', noting),
        mock.patch('cld_mm.engine.checkpoint.discovery.damage', noting),
    ):
        assert choose_together(str(folder)) == str(at)
    own = [f'rows_{bank.start}_{bank.stop}.pth']
    assert read == (['epoch_1.pth'] if rank == 0 else []) + own
    path = bank_folder(at) / 'rows_15_31.pth'
    whole = path.read_bytes()
    dist.barrier()
    if rank == 0:  # which does not read this one
        path.write_bytes(whole[:-9])
    dist.barrier()
    with pytest.raises(CheckpointError, match='none of the 1 checkpoints'):
        choose_together(str(folder))
    with pytest.raises(CheckpointError, match=r'rows_15_31.pth has a damaged label'):
        choose_together(str(folder), str(at))
    dist.barrier()
    if rank == 0:
        path.write_bytes(whole)
    dist.barrier()


def gathered_again(rank: int, folder: Path) -> None:
    """Three ranks read what two wrote, and write it under the same name."""
    compare_many(rank)
    bank = ShardedMemoryBank(31, 8)
    load_rows(bank, folder / 'epoch_1.pth')
    assert torch.equal(bank.gathered(), torch.load(folder / 'all.pth'))
    save_rows(bank, folder / 'epoch_1.pth')


@pytest.mark.slow
def test_split_bank_is_the_whole_one_in_losses_training_and_files(
    tmp_path: Path,
) -> None:
    run_ranks(train_both, 2, (tmp_path,))
    rows = torch.load(tmp_path / 'all.pth')
    folder = bank_folder(tmp_path / 'epoch_1.pth')
    assert torch.equal(read_rows(folder, 3, 29), rows[3:29])
    run_ranks(gathered_again, 3, (tmp_path,))
    assert len(list(folder.iterdir())) == 3
    assert torch.equal(read_rows(folder, 0, 31), rows)
    with pytest.raises(ValueError, match='31 images, but this model has 30'):
        load_rows(ShardedMemoryBank(30, 8), tmp_path / 'epoch_1.pth')
    with pytest.raises(ValueError, match="of size 8, but the model's have 9"):
        load_rows(ShardedMemoryBank(31, 9), tmp_path / 'epoch_1.pth')
    (folder / 'rows_10_20.pth').unlink()
    with pytest.raises(FileNotFoundError, match='has no row 10'):
        read_rows(folder, 0, 31)
