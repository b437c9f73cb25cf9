"""Generated pages equal what their generators write now."""

import subprocess
import sys

import pytest

from tests.helpers import ROOT


@pytest.mark.parametrize(
    'script', ['model_zoo.py', 'config_keys.py', 'command_line.py']
)
def test_generated_pages_are_up_to_date(script: str) -> None:
    done = subprocess.run(
        [sys.executable, ROOT / 'docs' / script, '--check'],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout


def test_metafiles_list_every_config() -> None:
    named = {
        line.split(': ')[1]
        for path in (ROOT / 'configs/metafiles').glob('*.yml')
        for line in path.read_text().splitlines()
        if line.strip().startswith('Config: ')
    }
    assert named == {
        str(path.relative_to(ROOT)) for path in (ROOT / 'configs').glob('*.py')
    }
