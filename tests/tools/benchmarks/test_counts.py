"""Benchmarks refuse counts that give no result."""

import re
import runpy
import sys

import pytest

from tests.helpers import ROOT

BENCHMARKS = ROOT / 'tools/benchmarks'


@pytest.mark.parametrize(
    ('tool', 'flag', 'value', 'limit'),
    [
        ('step', '--repeats', '1', 2),
        ('grouping', '--repeats', '1', 2),
        ('grouping', '--iters', '0', 1),
        ('knn', '--repeats', '0', 2),
        ('cross_level', '--repeats', '1', 2),
        ('loader', '--repeats', '1', 2),
        ('loader', '--images', '3', 4),
        ('loader', '--workers', '0', 1),
        ('throughput', '--repeats', '1', 2),
        ('memory', '--batch', '1', 2),
        ('exchange', '--ranks', '0', 1),
        ('exchange', '--batch', 'x', 2),
    ],
)
def test_counts_have_limits(
    tool: str,
    flag: str,
    value: str,
    limit: int,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(sys, 'argv', [f'{tool}.py', flag, value])
    with pytest.raises(SystemExit) as end:
        runpy.run_path(str(BENCHMARKS / f'{tool}.py'), run_name='__main__')
    assert end.value.code == 2
    said = f'argument {flag}: must be a whole number >= {limit}, got {value}'
    assert said in re.sub(r'\s+', ' ', capsys.readouterr().err)


@pytest.mark.parametrize(
    ('tool', 'words', 'said'),
    [
        ('knn', ['--train', '50', '--k', '51'], '--k is 51, but --train 50: lower k'),
        ('memory', ['--dtype', 'half'], "invalid choice: 'half'"),
        (
            'throughput',
            [str(BENCHMARKS.parents[1] / 'configs/npid_cld_r18_cifar10_200e.py')],
            'npid_cld_r18_cifar10_200e.py trains NPID, but',
        ),
    ],
)
def test_what_cannot_be_measured_is_one_sentence(
    tool: str,
    words: list,
    said: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(sys, 'argv', [f'{tool}.py', *words])
    with pytest.raises(SystemExit) as end:
        runpy.run_path(str(BENCHMARKS / f'{tool}.py'), run_name='__main__')
    assert end.value.code == 2
    assert said in capsys.readouterr().err
