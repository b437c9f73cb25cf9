"""The terminal gets a short log; the log file gets all of it."""

import fcntl
import logging
import os
import pty
import re
import struct
import sys
import termios
import warnings
from pathlib import Path

import pytest

from cld_mm.fileio import terminal_log
from cld_mm.fileio.terminal_log import TerminalHandler
from tests.helpers import ROOT
from tests.helpers.training import CONFIG, options, train

LINES = [
    ('Epoch(train) [1][6/6]  loss: 3.9', logging.INFO, True),
    ('Saving checkpoint at 1 epochs', logging.INFO, True),
    ('Config:\na = 1\nb = 2\nc = 3\nd = 4', logging.INFO, False),
    ('a warning of\nmany\nlines\nis\nshown', logging.WARNING, True),
    ('"FileClient" will be deprecated in future.', logging.WARNING, False),
    ('Exp name: a_20261126', logging.INFO, False),
]


@pytest.mark.parametrize(('message', 'level', 'shown'), LINES)
def test_dumps_and_notices_are_left_to_the_file(
    message: str, level: int, shown: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    handler = TerminalHandler(logging.StreamHandler(), has_bar=False)
    handler.emit(logging.LogRecord('a', level, '', 1, message, (), None))
    assert (message in capsys.readouterr().err) == shown


def test_iterations_are_left_to_the_bar(capsys: pytest.CaptureFixture[str]) -> None:
    handler = TerminalHandler(logging.StreamHandler(), has_bar=True)
    handler.emit(logging.LogRecord('a', 20, '', 1, LINES[0][0], (), None))
    assert not capsys.readouterr().err


def test_a_warning_is_one_line_of_the_log(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = []
    monkeypatch.setattr(terminal_log, 'print_log', lambda *words: lines.append(words))
    monkeypatch.setattr(warnings, 'showwarning', None)  # what it was, afterwards
    terminal_log.log_warnings()
    with warnings.catch_warnings():
        warnings.simplefilter('always')
        warnings.warn('k is 5,\nbut 3 vote', stacklevel=1)
    assert lines == [('k is 5, but 3 vote', 'current', logging.WARNING)]


@pytest.mark.slow
def test_a_default_run_prints_a_short_log(digits: Path, tmp_path: Path) -> None:
    done = train(digits, tmp_path, train_cfg__val_interval=1)
    lines = (done.stdout + done.stderr).splitlines()
    assert len(lines) < 20, done.stderr
    assert not [line for line in lines if 'registry' in line or 'deprecated' in line]
    (log,) = tmp_path.glob('*/*.log')
    assert 'Config:' in log.read_text()
    assert 'Hooks will be executed' in log.read_text()


@pytest.mark.slow
def test_a_terminal_shows_a_bar_and_no_warnings(digits: Path, tmp_path: Path) -> None:
    words = [CONFIG, '--work-dir', str(tmp_path), *options(digits)]
    words += ['train_dataloader.dataset.indices=96']  # the bar reads every 10th value
    shown = bytearray()

    def read(terminal: int) -> bytes:
        fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack('HHHH', 40, 120, 0, 0))
        data = os.read(terminal, 2**16)
        shown.extend(data)
        return data

    before = os.getcwd()
    os.chdir(ROOT)
    try:
        status = pty.spawn([sys.executable, 'tools/train.py', *words], read)
    finally:
        os.chdir(before)
    text = re.sub(r'\x1b\[[0-9;]*m', '', shown.decode(errors='replace'))
    assert status == 0, text
    assert '100%|' in text
    own = ('T_max is 10', 'feature_std is')  # of this short run, nothing of libraries
    noted = [line for line in text.splitlines() if 'warning' in line.lower()]
    assert all(any(words in line for words in own) for line in noted), noted
    lines = [
        line for line in text.splitlines() if line and not line.startswith('train')
    ]
    assert len([line for line in lines if ' - ' in line]) < 12
