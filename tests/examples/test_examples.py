"""The examples run as they are, and their losses fall."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).resolve().parents[2] / 'examples'
NEEDS = {'timm_model': 'timm', 'lightly_simclr': 'lightly'}


@pytest.mark.parametrize('name', sorted(path.stem for path in EXAMPLES.glob('*.py')))
def test_it_runs_and_the_loss_falls(name: str) -> None:
    if name in NEEDS:
        pytest.importorskip(NEEDS[name])
    # The version shims, for torch and torchvision that were built for other devices.
    path = str(EXAMPLES / f'{name}.py')
    code = f'import cld_mm.registry, runpy; runpy.run_path({path!r})'
    done = subprocess.run(
        [sys.executable, '-c', code], check=True, capture_output=True, text=True
    )
    losses = [float(x) for x in re.findall(r'loss (\d+\.\d+)', done.stdout)]
    assert losses[-1] < losses[0]


@pytest.mark.parametrize('path', sorted(EXAMPLES.glob('*.py')), ids=lambda p: p.stem)
def test_it_has_at_most_30_lines(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= 30
