"""Signals outside of training end a tool with the code that asks for a requeue."""

import importlib.util
import os
import signal
import sys
from pathlib import Path
from typing import Any

import pytest


@pytest.mark.parametrize('number', [signal.SIGTERM, signal.SIGUSR1])
def test_a_signal_before_training_asks_for_a_requeue(
    number: signal.Signals, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
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
def test_each_nodes_first_rank_leaves_the_code(
    local: int, training: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from cld_mm.cli import run_tool as launch
    from cld_mm.engine.preemption.signals import StoppedBySignal, leave_at_once

    code = tmp_path / 'code'
    monkeypatch.setenv('CLD_MM_EXIT_FILE', str(code))
    monkeypatch.setenv('RANK', str(2 + local))  # of the second node
    monkeypatch.setenv('LOCAL_RANK', str(local))
    monkeypatch.setattr('mmengine.dist.is_main_process', lambda: False)
    child = os.fork()
    if not child:
        try:
            if training:
                launch._leave_as_asked(StoppedBySignal(signal.SIGTERM, 1, 'a'))
            leave_at_once()
            os.kill(os.getpid(), signal.SIGTERM)
        except SystemExit as end:
            os._exit(int(end.code or 0))
        finally:
            os._exit(3)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 75
    assert code.exists() == (local == 0)


@pytest.mark.parametrize('tool', ['train', 'test'])
def test_tools_ask_for_a_requeue_outside_of_training(
    tool: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv('CLD_MM_EXIT_FILE', str(tmp_path / 'code'))
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        try:
            os.dup2(writing, 2)
            module: Any = importlib.import_module(f'tools.{tool}')
            module.run_tool = lambda *_: os.kill(os.getpid(), signal.SIGTERM)
            sys.argv = [tool, 'config.py', 'checkpoint.pth'][: 2 + (tool == 'test')]
            module.main()
        finally:
            os._exit(3)
    os.close(writing)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 75
    with os.fdopen(reading) as said:
        assert 'stopped by SIGTERM outside of training: start' in said.read()
