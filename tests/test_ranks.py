"""Ranks that disagree or drift; the long form is tools/stress/bad_ranks.py."""

import os
import socket
import threading
import time
from pathlib import Path
from typing import Any

import pytest
import torch
from mmengine.config import Config
from PIL import Image
from torch import distributed as dist

from cld_mm.datasets import ImageFolder, TarShards
from cld_mm.datasets.preparation.shard_writer import write_shards
from cld_mm.distributed.process_group import RankAbsent, meet
from cld_mm.distributed.rank_watchdog import RankWatchdog, is_communication_error
from cld_mm.distributed.stack_location import locate_thread
from cld_mm.engine.consistency.dataset_fingerprint import fingerprint
from cld_mm.engine.consistency.setup import RankMismatch, check_same, resume_together
from cld_mm.engine.consistency.weight_checksums import checksums, shared_tensors
from cld_mm.engine.step_replay.dump import read_dump, to_plain
from cld_mm.engine.step_replay.replay import replay
from tests.helpers.ranks import run_ranks
from tests.helpers.tiny_models import tiny_moco


def _disagree(rank: int) -> None:
    check_same('config', {'a': 1, 'f': test_one_bit_changes_a_checksum}, 'mend it.')
    with pytest.raises(RankMismatch, match='rank 1 differs from rank 0 in the config'):
        check_same('config', {'lr': 0.1 + rank}, 'mend it.')
    cfg = Config({'resume': False, 'load_from': 'weights.pth'})
    resume_together(cfg)
    assert (cfg.resume, cfg.load_from) == (False, 'weights.pth')
    if rank == 1:  # only its node has counted a restart
        os.environ['TORCHELASTIC_RESTART_COUNT'] = '1'
    resume_together(cfg)
    assert (cfg.resume, cfg.load_from) == (True, None)
    watchdog = RankWatchdog(timeout=5)
    watchdog.start()
    watchdog.mark(3, 'loading data')
    dist.barrier()
    watchdog.stop()


@pytest.mark.parametrize(
    ('rank', 'said'),
    [
        (0, r'rank 1, 2 of 3 has not come within 0.5 s: see its log'),
        (2, r'rank 0, which keeps the store at 127.0.0.1:\d+, has not come within'),
    ],
)
def test_ranks_that_never_come_are_named(
    rank: int, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(('127.0.0.1', 0)) as sock:
        port = sock.getsockname()[1]
    place = {'MASTER_ADDR': '127.0.0.1', 'MASTER_PORT': port, 'RANK': rank}
    for name, value in {**place, 'WORLD_SIZE': 3}.items():
        monkeypatch.setenv(name, str(value))
    monkeypatch.delenv('TORCHELASTIC_USE_AGENT_STORE', raising=False)
    with pytest.raises(RankAbsent, match=said):
        meet(0.5)


def test_ranks_that_differ_say_so() -> None:
    run_ranks(_disagree)


def test_other_files_of_the_same_names_change_the_fingerprint(tmp_path: Path) -> None:
    def found(name: str, size: int, drop: str = '') -> dict:
        root = tmp_path / name / 'images'
        root.mkdir(parents=True)
        for number in range(20):
            Image.new('RGB', (size, 9), (number, 0, 0)).save(root / f'{number}.png')
        if drop:
            (root / drop).write_bytes(b'')
        data = ImageFolder(data_root=str(root), with_label=False)
        data.full_init()
        own = fingerprint(data)
        names = 'digest of the files and labels'  # the folders differ here, on purpose
        return {key: value for key, value in own.items() if key != names}

    assert found('one', 9) == found('two', 9)
    assert found('three', 9) != found('four', 8)
    assert found('five', 9) != found('six', 9, drop='0.png')
    write_shards(
        ImageFolder(data_root=str(tmp_path / 'one'), with_label=False),
        tmp_path / 's',
        9,
    )
    shards = fingerprint(TarShards(str(tmp_path / 's')))
    path = sorted((tmp_path / 's').glob('*.tar'))[0]
    spoilt = bytearray(path.read_bytes())
    spoilt[560] ^= 1
    path.write_bytes(spoilt)
    assert fingerprint(TarShards(str(tmp_path / 's'))) != shards


def test_one_bit_changes_a_checksum() -> None:
    tensors = list(shared_tensors(tiny_moco()).values())
    before = checksums(tensors)
    assert torch.equal(before, checksums([t.clone() for t in tensors]))
    flat = tensors[5].view(-1).view(torch.int32)
    flat[0] ^= 1
    changed = checksums(tensors) != before
    assert changed.nonzero().flatten().tolist() == [5]


def _wait_for_another(rank: int) -> None:
    if rank == 1:
        time.sleep(0.5)
        dist.barrier()
        return
    found = []

    def look(thread: Any) -> None:
        time.sleep(0.2)
        found.append(locate_thread(thread))

    watcher = threading.Thread(target=look, args=(threading.get_ident(),))
    watcher.start()
    dist.barrier()
    watcher.join()
    assert found[0][0], found
    assert found[0][1].startswith('_wait_for_another (test_ranks.py'), found


def test_who_waits_in_an_exchange_is_told_from_who_works() -> None:
    run_ranks(_wait_for_another)


def test_errors_of_collectives_are_told_from_others() -> None:
    assert is_communication_error(RuntimeError('[gloo] Connection closed by peer'))
    assert not is_communication_error(ValueError('temperature is 0'))


def test_a_dump_runs_nothing(tmp_path: Path) -> None:
    assert to_plain({'a': [1, object]}) == {'a': [1, repr(object)]}
    torch.save({'version': 1, 'bad': print}, tmp_path / 'rank_0.pth')
    with pytest.raises(ValueError, match='holds other objects'):
        read_dump(tmp_path / 'rank_0.pth')
    with pytest.raises(FileNotFoundError, match='there is no rank_N'):
        replay(tmp_path / 'nowhere' if (tmp_path / 'nowhere').mkdir() is None else '')


def _losses(seed: int) -> Any:
    torch.use_deterministic_algorithms(True)
    try:
        torch.manual_seed(seed)
        model = tiny_moco()
        optimizer = torch.optim.SGD(
            [p for p in model.parameters() if p.requires_grad], lr=0.1
        )
        generator = torch.Generator().manual_seed(seed)
        for _ in range(3):
            views = [torch.randn(6, 3, 8, 8, generator=generator) for _ in range(2)]
            loss = model.loss(views)['loss_instance']
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        return checksums(list(shared_tensors(model).values()))
    finally:
        torch.use_deterministic_algorithms(False)


def test_deterministic_mode_gives_the_same_bits_twice() -> None:
    assert torch.equal(_losses(3), _losses(3))
    assert not torch.equal(_losses(3), _losses(4))
