"""The last line of a long script, however it ends."""

import json
import os
import signal

import pytest

from tools.stress.closing import closing_line


@pytest.mark.parametrize('number', [signal.SIGTERM, signal.SIGINT])
def test_a_stopped_script_closes_with_its_line(
    number: signal.Signals, capsys: pytest.CaptureFixture[str]
) -> None:
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
