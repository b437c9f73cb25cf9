"""``--help`` of every tool is quick: nothing heavy is imported before the flags."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.helpers import ROOT

TOOLS = [
    path
    for path in sorted((ROOT / 'tools').rglob('*.py'))
    if 'argparse' in (text := path.read_text()) and "__name__ == '__main__'" in text
]


@pytest.mark.parametrize('tool', TOOLS, ids=lambda path: str(path.relative_to(ROOT)))
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
