"""DigestCheckpointHook: which checkpoints are kept, and when ranks agree to stop."""

import os
import signal
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from mmengine.hooks import CheckpointHook, Hook
from torch import distributed as dist

from cld_mm.distributed.process_group import prepare_distributed
from cld_mm.engine.build import build_runner
from cld_mm.engine.checkpoint import (
    StoppedBySignal,
    newest_good,
    write_checkpoint,
)
from cld_mm.engine.checkpoint.discovery import newest_run
from cld_mm.engine.hooks import checkpoint as hook_module
from cld_mm.engine.hooks.checkpoint import DigestCheckpointHook
from tests.helpers.ranks import run_ranks
from tests.helpers.tiny_runs import make_runner
from tools.stress import small_configs


def checkpoint(step: int = 1) -> dict:
    return {
        'meta': {'iter': step, 'epoch': 0, 'run': 7},
        'state_dict': {'weight': torch.arange(300.0) + step},
        'optimizer': {},
    }


def test_the_last_whole_one_is_never_deleted(tmp_path: Path) -> None:
    hook = DigestCheckpointHook(out_dir=str(tmp_path), every_iters=1, keep_recent=1)
    hook._run = 7
    for step in (1, 2, 3, 6):
        write_checkpoint(checkpoint(step), tmp_path / f'iter_{step}.pth')
    for step in (3, 6):  # newer, by their labels, than what a resumed run writes
        path = tmp_path / f'iter_{step}.pth'
        damaged = bytearray(path.read_bytes())
        damaged[100] ^= 1
        path.write_bytes(damaged)
    assert newest_good(tmp_path) == tmp_path / 'iter_2.pth'
    for step in (4, 5):
        path = tmp_path / f'iter_{step}.pth'
        write_checkpoint(checkpoint(step), path)
        hook._delete_old(str(tmp_path), path.name)
        assert newest_good(tmp_path) == path
    assert sorted(p.name for p in tmp_path.glob('iter_*')) == [
        'iter_5.pth',
        'iter_6.pth',
    ]


def test_checkpoints_of_weights_alone_are_cleared_too(tmp_path: Path) -> None:
    hook = DigestCheckpointHook(
        out_dir=str(tmp_path), max_keep_ckpts=2, save_optimizer=False
    )
    hook._run, hook.filename_tmpl = 7, 'epoch_{}.pth'
    for step in range(1, 6):
        path = tmp_path / f'epoch_{step}.pth'
        state = {**checkpoint(step), 'meta': {'iter': step, 'epoch': step, 'run': 7}}
        del state['optimizer']
        write_checkpoint(state, path)
        hook._delete_old(str(tmp_path), path.name)
    kept = sorted(path.name for path in tmp_path.glob('*.pth'))
    assert kept == ['epoch_4.pth', 'epoch_5.pth']
    assert newest_good(tmp_path) is None  # no run resumes from them


def test_a_clock_set_back_does_not_make_a_new_run_older(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = {'meta': {'iter': 9, 'epoch': 0, 'run': 2**61}, 'optimizer': {}}
    write_checkpoint(old, tmp_path / 'iter_9.pth')
    monkeypatch.setattr(
        hook_module, 'time', SimpleNamespace(time_ns=lambda: 5, monotonic=lambda: 0.0)
    )
    hook = hook_module.DigestCheckpointHook(out_dir=str(tmp_path))
    monkeypatch.setattr(CheckpointHook, 'before_train', lambda *_: None)
    hook.before_train(SimpleNamespace(work_dir=str(tmp_path), train_loop=None))
    hook.signals.remove()
    assert hook._run == 2**61 + 1 == newest_run([tmp_path]) + 1
    new = {'meta': {'iter': 1, 'epoch': 0, 'run': hook._run}, 'optimizer': {}}
    write_checkpoint(new, tmp_path / 'iter_1.pth')
    assert newest_good(tmp_path).name == 'iter_1.pth'


def test_remote_folders_are_refused() -> None:
    with pytest.raises(ValueError, match='must be a local folder, got s3://a'):
        DigestCheckpointHook(out_dir='s3://a')


class SignalRankOne(Hook):
    """SIGTERM in the third iteration of one rank."""

    def before_train_iter(
        self, runner: Any, batch_idx: int, data_batch: Any = None
    ) -> None:
        if runner.iter == 2 and dist.get_rank() == 1:
            os.kill(os.getpid(), signal.SIGTERM)


def stop_rank_one(rank: int, digits: Path, folder: Path) -> None:
    os.environ.update(RANK=str(rank), LOCAL_RANK=str(rank), WORLD_SIZE='2')
    cfg = small_configs.config(
        'moco_cld',
        folder,
        digits,
        train_dataloader__batch_size=3,
        default_hooks__checkpoint__exchange_interval=5,
        default_hooks__checkpoint__every_iters=0,
        train_cfg__val_begin=9,
        launcher='pytorch',
    )
    prepare_distributed(cfg)
    runner = build_runner(cfg)
    runner.register_hook(SignalRankOne())
    with pytest.raises(StoppedBySignal, match='after iteration 5'):
        runner.train()
    assert rank == 1 or (folder / 'iter_5.pth').is_file()


@pytest.mark.slow
def test_all_ranks_stop_at_the_next_exchange(digits: Path, tmp_path: Path) -> None:
    run_ranks(stop_rank_one, args=(digits, tmp_path))


@pytest.mark.parametrize(
    ('name', 'value'),
    [
        ('every_iters', -1),
        ('every_minutes', -0.5),
        ('keep_recent', 0),
        ('exchange_interval', 0),
    ],
)
def test_intervals_out_of_range_are_refused(name: str, value: float) -> None:
    with pytest.raises(ValueError, match=rf'{name} must be >= \d, got {value}'):
        DigestCheckpointHook(**{name: value})


def test_a_run_by_iterations_saves_under_its_iterations(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    runner = make_runner(
        tmp_path,
        1,
        train_cfg={'_delete_': True, 'type': 'ResumableIterLoop', 'max_iters': 3},
        param_scheduler=[],
        custom_hooks=[{'type': 'RunInfoHook'}],
        log_level='INFO',
    )
    runner.train()
    assert [path.name for path in tmp_path.glob('*.pth')] == ['iter_3.pth']
    assert 'for 3 iterations, batch size 4' in capfd.readouterr().err
