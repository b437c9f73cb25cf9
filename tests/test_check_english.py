"""The check of wording finds words, parts of identifiers, file names and phrases."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.helpers import ROOT


def check(path: Path) -> str:
    command = [sys.executable, '.ci/check_english.py', str(path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == (not done.stdout.startswith('0 findings'))
    return done.stdout


@pytest.mark.parametrize(
    ('text', 'found'),
    [
        ('The colour.', 'colour ==> color'),
        ('def normalise_colours(): ...', 'colours ==> colors'),
        ('class LabelledFraction: ...', 'Labelled ==> Labeled'),
        ('A spoilt file.', 'spoilt ==> corrupt'),
        ('It goes on.', 'goes on ==> continue'),
        ('equal to the last\n# bit', ':1: to the last # bit ==> bit-exact'),
    ],
)
def test_unwanted_wording_is_found(text: str, found: str, tmp_path: Path) -> None:
    (tmp_path / 'a.py').write_text(text)
    assert found in check(tmp_path / 'a.py')


def test_file_names_are_checked(tmp_path: Path) -> None:
    (tmp_path / 'neighbours.py').write_text('')
    assert 'file name' in check(tmp_path / 'neighbours.py')


def test_plain_text_passes(tmp_path: Path) -> None:
    (tmp_path / 'a.py').write_text('"""A color, normalized; goes on top of it."""\n')
    check(tmp_path / 'a.py')
