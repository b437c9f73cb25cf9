"""Two runs: the same bits in deterministic mode; never both in one work dir."""

import importlib.util
import json
import os
import signal
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import ClassVar

import pytest
import torch
from mmengine.hooks import Hook

from test_untrusted_files import comparing, run, small_configs  # isort: skip
from closing import closing_line  # isort: skip

from cld_mm.cli.run_tool import build_runner
from cld_mm.engine.checkpoint import (
    CheckpointError,
    StoppedBySignal,
    newest_good,
    write_checkpoint,
)
from cld_mm.engine.checkpoint.choose import choose_together
from cld_mm.engine.checkpoint.discovery import newest_run
from cld_mm.engine.checkpoint.work_dir_lock import lock
from cld_mm.engine.hooks import checkpoint as hook_module
from cld_mm.engine.loops.epoch_loop import shorten_histories
from cld_mm.evaluation.functional import knn

TOOLS = Path(__file__).resolve().parents[2] / 'tools'


def test_deterministic_mode_gives_the_same_bits_twice(digits, tmp_path, monkeypatch):
    ends = []
    try:
        for name in ('one', 'two'):
            path = tmp_path / f'{name}.py'
            cfg = small_configs.config(
                'moco_cld', tmp_path, digits, epochs=1, train_dataloader__batch_size=6
            )
            cfg.experiment_name = f'twice-{tmp_path.name}-{name}'
            cfg.dump(path)
            words = [str(path), '--deterministic', '--seed', '3', '--no-validate']
            words += ['--work-dir', str(tmp_path / name)]
            torch.manual_seed(len(ends))  # what was before has no say
            assert run('train.py', words, monkeypatch) == 0
            ends.append(newest_good(tmp_path / name))
    finally:
        torch.use_deterministic_algorithms(False)
    one, two = (torch.load(end, weights_only=True) for end in ends)
    found: list[str] = []
    for key in ('state_dict', 'optimizer', 'ranks'):
        comparing.unequal(one[key], two[key], key, found)
    assert found == []


def test_a_second_run_in_a_work_dir_is_refused(tmp_path):
    held = lock(tmp_path)

    def other() -> str:
        reading, writing = os.pipe()
        child = os.fork()
        if not child:
            try:
                lock(tmp_path)
            except CheckpointError as error:
                os.write(writing, str(error).encode())
            finally:
                os._exit(0)
        os.close(writing)
        os.waitpid(child, 0)
        with os.fdopen(reading) as said:
            return said.read()

    assert f'another run (process {os.getpid()} on' in other()
    held.close()
    assert other() == ''


def test_a_clock_set_back_does_not_make_a_new_run_older(tmp_path, monkeypatch):
    old = {'meta': {'iter': 9, 'epoch': 0, 'run': 2**61}, 'optimizer': {}}
    write_checkpoint(old, tmp_path / 'iter_9.pth')
    monkeypatch.setattr(
        hook_module, 'time', SimpleNamespace(time_ns=lambda: 5, monotonic=lambda: 0.0)
    )
    hook = hook_module.DigestCheckpointHook(out_dir=str(tmp_path))
    monkeypatch.setattr(hook_module.MMCheckpointHook, 'before_train', lambda *_: None)
    hook.before_train(SimpleNamespace(work_dir=str(tmp_path)))
    hook.signals.remove()
    assert hook._run == 2**61 + 1 == newest_run([tmp_path]) + 1
    new = {'meta': {'iter': 1, 'epoch': 0, 'run': hook._run}, 'optimizer': {}}
    write_checkpoint(new, tmp_path / 'iter_1.pth')
    assert newest_good(tmp_path).name == 'iter_1.pth'


def test_logged_histories_do_not_grow_for_ever():
    from mmengine.logging import HistoryBuffer

    history = HistoryBuffer(list(range(50_000)), [1] * 50_000)
    hub = SimpleNamespace(log_scalars={'loss': history})
    shorten_histories(hub, epoch=4)
    assert len(history.data[0]) == len(history.data[1]) == 10_000
    assert history.current() == 49_999
    shorten_histories(hub, epoch=4)
    assert len(history.data[0]) == 10_000


@pytest.mark.parametrize('spoil', ['flip', 'cut', 'gone'])
def test_spoilt_bank_rows_are_found_at_resume(spoil, tmp_path):
    from cld_mm.engine.checkpoint.bank_rows import bank_damage, bank_folder, read_rows

    for step in (1, 2):
        path = tmp_path / f'iter_{step}.pth'
        rows = torch.randn(6, 3)
        folder = bank_folder(path)
        folder.mkdir()
        for low, high in ((0, 3), (3, 6)):
            name = folder / f'rows_{low}_{high}.pth'
            write_checkpoint({'rows': rows[low:high].clone()}, name)
        meta = {'iter': step, 'epoch': 0, 'run': 1}
        write_checkpoint({'meta': meta, 'optimizer': {}, 'state_dict': {}}, path)
        assert bank_damage(path) is None
        assert torch.equal(read_rows(folder, 1, 5), rows[1:5])
    victim = folder / ('rows_0_3.pth' if spoil == 'gone' else 'rows_3_6.pth')
    data = bytearray(victim.read_bytes())
    if spoil == 'flip':
        data[len(data) // 2] ^= 1
    victim.unlink() if spoil == 'gone' else victim.write_bytes(
        data[:-9] if spoil == 'cut' else data
    )
    assert 'rows of its memory bank' in bank_damage(path)
    with pytest.raises((ValueError, FileNotFoundError), match='bring the file'):
        read_rows(folder, 0, 6)
    assert choose_together(str(tmp_path)).endswith('iter_1.pth')
    with pytest.raises(CheckpointError, match='name another one'):
        choose_together(str(tmp_path), str(path))


@pytest.mark.parametrize('number', [signal.SIGTERM, signal.SIGUSR1])
def test_a_signal_before_training_asks_for_a_requeue(number, tmp_path, monkeypatch):
    from cld_mm.engine.preemption.signals import leave_at_once

    monkeypatch.setenv('CLD_MM_EXIT_FILE', str(tmp_path / 'code'))
    monkeypatch.delenv('LOCAL_RANK', raising=False)
    child = os.fork()
    if not child:
        try:
            leave_at_once()
            os.kill(os.getpid(), number)
        finally:
            os._exit(3)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 75
    assert (tmp_path / 'code').read_text() == '75'


@pytest.mark.parametrize('local', [0, 1])
@pytest.mark.parametrize('training', [True, False])
def test_each_nodes_first_rank_leaves_the_code(local, training, tmp_path, monkeypatch):
    from cld_mm.cli import run_tool as launch
    from cld_mm.engine.preemption.signals import StoppedBySignal, leave_at_once

    code = tmp_path / 'code'
    monkeypatch.setenv('CLD_MM_EXIT_FILE', str(code))
    monkeypatch.setenv('RANK', str(2 + local))  # of the second node
    monkeypatch.setenv('LOCAL_RANK', str(local))
    monkeypatch.setattr(launch, 'is_main_process', lambda: False)
    child = os.fork()
    if not child:
        try:
            if training:
                launch._leave_as_asked(StoppedBySignal(signal.SIGTERM, 1, 'a'))
            leave_at_once()
            os.kill(os.getpid(), signal.SIGTERM)
        except SystemExit as end:
            os._exit(end.code)
        finally:
            os._exit(3)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 75
    assert code.exists() == (local == 0)


@pytest.mark.parametrize('tool', ['train.py', 'test.py'])
def test_tools_ask_for_a_requeue_outside_of_training(tool, tmp_path, monkeypatch):
    monkeypatch.setenv('CLD_MM_EXIT_FILE', str(tmp_path / 'code'))
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        try:
            os.dup2(writing, 2)
            spec = importlib.util.spec_from_file_location('tool', TOOLS / tool)
            module = importlib.util.module_from_spec(spec)
            spec.loader.exec_module(module)
            module.run_tool = lambda *_: os.kill(os.getpid(), signal.SIGTERM)
            sys.argv = [tool, 'config.py', 'checkpoint.pth'][: 2 + (tool == 'test.py')]
            module.main()
        finally:
            os._exit(3)
    os.close(writing)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 75
    with os.fdopen(reading) as said:
        assert 'stopped by SIGTERM outside of training: start' in said.read()


@pytest.mark.parametrize('exact', [False, True])
def test_a_signal_ends_a_vote_of_knn_between_its_chunks(
    exact, digits, tmp_path, monkeypatch
):
    monkeypatch.setattr(knn, 'ROWS', 5)
    if exact:  # all votes are close, and counted again in one chunk
        everyone = torch.ones(24, dtype=torch.bool)
        monkeypatch.setattr(knn, 'is_close', lambda n, *_: everyone[: len(n)])
    stop_at = (0, 1) if exact else (2, 5)

    class Stop(Hook):
        priority = 'VERY_HIGH'
        seen: ClassVar = []

        def after_features(self, runner, batch_idx, batches) -> None:
            self.seen.append((batch_idx, batches))
            voted = (4, 5) in self.seen or not exact
            if voted and (batch_idx, batches) == stop_at:
                os.kill(os.getpid(), signal.SIGTERM)

    cfg = small_configs.config(
        'moco', tmp_path, digits, epochs=1, train_dataloader__batch_size=12
    )
    cfg.train_cfg.val_interval = 1
    cfg.experiment_name = f'vote-{tmp_path.name}'
    runner = build_runner(cfg)
    runner.register_hook(Stop())
    with pytest.raises(StoppedBySignal, match='after iteration 2') as stopped:
        runner.train()
    assert stopped.value.code == 75
    assert Stop.seen[-1] == stop_at
    assert len(Stop.seen) == (9 if exact else 6)
    saved = torch.load(tmp_path / 'iter_2.pth', weights_only=True)
    assert not saved['meta']['validated']


@pytest.mark.parametrize('number', [signal.SIGTERM, signal.SIGINT])
def test_a_stopped_script_closes_with_its_line(number, capsys):
    report = {'kills': 3}
    before = signal.getsignal(number)
    with pytest.raises(SystemExit) as left, closing_line(report):  # noqa: PT012
        report['kills'] += 1
        child = os.fork()
        if not child:  # a forked run dies of it and prints nothing
            try:
                signal.raise_signal(number)
            finally:
                os._exit(3)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -number
        os.kill(os.getpid(), number)
    assert left.value.code == 128 + number
    assert signal.getsignal(number) is before
    lines = capsys.readouterr().out.strip().splitlines()
    assert json.loads(lines[-1]) == {'kills': 4, 'stopped_by': number.name}
    assert len(lines) == 1
    with pytest.raises(ZeroDivisionError), closing_line({}):
        1 / 0  # noqa: B018
    line = capsys.readouterr().out
    assert json.loads(line) == {'error': 'ZeroDivisionError: division by zero'}
