"""``--help`` of every tool is quick: nothing heavy is imported before the flags."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.helpers import ROOT
from tools.benchmarks.help_time import tools


@pytest.mark.parametrize('tool', tools(), ids=lambda path: str(path.relative_to(ROOT)))
def test_help_imports_neither_torch_nor_mmengine(tool: Path) -> None:
    done = subprocess.run(
        [sys.executable, '-X', 'importtime', str(tool), '--help'],
        capture_output=True,
        text=True,
        cwd=ROOT,
    )
    assert done.returncode == 0, done.stderr[-500:]
    assert done.stdout.startswith('usage: ')
    imported = {line.rpartition('|')[2].strip() for line in done.stderr.splitlines()}
    assert not imported & {'torch', 'mmengine', 'mmpretrain', 'matplotlib', 'sklearn'}


@pytest.mark.parametrize(
    ('tool', 'command'),
    [('report', 'report'), ('model_converters/export_backbone', 'export')],
)
def test_a_tool_is_the_command_of_cldmm(tool: str, command: str) -> None:
    done = subprocess.run(
        [sys.executable, str(ROOT / f'tools/{tool}.py'), '--help'],
        capture_output=True,
        text=True,
    )
    assert done.stdout.startswith(f'usage: cldmm {command} '), done.stderr
