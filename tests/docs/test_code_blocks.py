"""Every shell and Python block of the documentation runs, or says why it does not.

A comment ``<!-- not run: REASON -->`` before a block excludes it. Blocks of a page run
in order, in a copy of the checkout with small data, after those of get-started.md.
"""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from mmengine.config import Config
from PIL import Image

from cld_mm.datasets.preparation.fashion_mnist import fetch
from tests.helpers import ROOT

PAGES = [*sorted((ROOT / 'docs').rglob('*.md')), ROOT / 'README.md']
BLOCK = re.compile(
    r'(?P<note><!-- not run: [^>]+ -->\s*)?'
    r'^(?P<indent> *)```(?P<language>bash|python)[^\n]*\n(?P<code>.*?)^ *```',
    re.MULTILINE | re.DOTALL,
)
LINKED = ('cld_mm', 'tools', 'configs', 'docs', 'requirements', 'setup.py', 'examples')


class Block(NamedTuple):
    """A fenced block of a page."""

    language: str
    code: str
    runs: bool


def read_blocks(page: Path) -> list[Block]:
    """All shell and Python blocks of a page."""
    return [
        Block(match['language'], match['code'], match['note'] is None)
        for match in BLOCK.finditer(page.read_text())
    ]


def run_block(block: Block, folder: Path) -> None:
    """Run one block in a folder; configs (with ``_base_`` or dicts only) are read."""
    if block.language == 'bash':
        command = ['bash', '-euo', 'pipefail', '-c', block.code]
    elif re.search(r'^(import|from) ', block.code, re.MULTILINE):
        # The version shims, for a torchvision that was built for another torch.
        code = f'import cld_mm.registry\n{block.code}'
        command = [sys.executable, '-c', code]
    else:
        path = folder / 'configs' / 'from_a_page.py'
        path.write_text(block.code)
        Config.fromfile(path)
        return
    scripts = str(Path(sys.executable).parent)
    done = subprocess.run(
        command,
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=280,
        env={
            **os.environ,
            'PATH': f'{scripts}:{os.environ["PATH"]}',
            'PYTHONPATH': str(folder),
            'OMP_NUM_THREADS': '1',
        },
    )
    assert done.returncode == 0, f'{block.code}\n{done.stdout}\n{done.stderr}'


@pytest.fixture(scope='module')
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the checkout with scikit-learn's digits, and a trained first run."""
    folder = tmp_path_factory.mktemp('checkout')
    for name in LINKED:
        if name == 'configs':
            subprocess.run(['cp', '-r', ROOT / name, folder], check=True)
        elif (ROOT / name).exists():
            (folder / name).symlink_to(ROOT / name)
    base = folder / 'configs/_base_/datasets/fashionmnist.py'
    text, small = base.read_text(), 'num_train, num_test = 320, 100'
    assert 'num_train, num_test = 10000, 5000' in text
    base.write_text(text.replace('num_train, num_test = 10000, 5000', small))
    data = Config.fromfile(base).train_dataloader.dataset.data_root
    fetch(folder / data, source='digits')
    (folder / 'photos').mkdir()
    rng = np.random.default_rng(0)
    for i in range(40):
        pixels = rng.integers(0, 256, (5, 4, 3), np.uint8).repeat(16, 0).repeat(16, 1)
        Image.fromarray(pixels).save(folder / f'photos/{i}.jpg')
    for block in read_blocks(ROOT / 'docs/get-started.md'):
        if block.runs and 'tools/train.py' in block.code:
            run_block(block, folder)
    return folder


@pytest.mark.slow
@pytest.mark.parametrize('page', PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_blocks_of_a_page_run(page: Path, checkout: Path) -> None:
    for block in read_blocks(page):
        if block.runs:
            run_block(block, checkout)


def test_a_block_before_which_a_note_stands_is_not_run(tmp_path: Path) -> None:
    page = tmp_path / 'page.md'
    page.write_text(
        '<!-- not run: needs a GPU -->\n```bash\nfalse\n```\n\n```bash\ntrue\n```\n'
    )
    assert [block.runs for block in read_blocks(page)] == [False, True]


def test_a_failing_block_fails(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match='false'):
        run_block(Block('bash', 'false\n', True), tmp_path)
