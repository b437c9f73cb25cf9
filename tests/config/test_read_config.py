"""A config that cannot be read is one line that says why."""

from pathlib import Path

import pytest

from cld_mm.config.error import ConfigError
from cld_mm.config.read_config import read_config
from tests.helpers import ROOT


@pytest.mark.parametrize(
    ('name', 'text', 'said'),
    [
        ('a.yaml', 'model: [1,\n b: {', 'ParserError: while parsing'),
        ('empty.yaml', '', 'AttributeError'),
        ('a.json', '{"model": ', 'JSONDecodeError: Expecting value'),
        ('list.json', '[1, 2]', 'AttributeError'),
        ('a.py', 'x = 1 / 0', 'ZeroDivisionError: division by zero'),
        ('broken.py', 'x = (', 'line 1'),
        ('circle.py', '_base_ = "circle.py"', 'RecursionError'),
        ('child.py', '_base_ = "gone.py"', 'No such file .*gone.py'),
        ('a.txt', 'x', 'OSError: Only py'),
    ],
)
def test_the_reason_is_named(name: str, text: str, said: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(ConfigError, match=f'{name} cannot be read: .*{said}') as raised:
        read_config(tmp_path / name)
    assert '\n' not in str(raised.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r'gone.py does not exist: the recipes'):
        read_config(tmp_path / 'gone.py')


CHILD = """
_base_ = '{base}'
test_dataloader = dict({delete}batch_size=2, dataset=dict(type='ImageFolder'))
"""


def test_a_dict_over_none_says_delete_and_the_advice_works(tmp_path: Path) -> None:
    base = ROOT / 'configs/mocov2_cld_r50_folder_200e.py'
    path = tmp_path / 'child.py'
    path.write_text(CHILD.format(base=base, delete=''))
    with pytest.raises(ConfigError, match=r'test_dataloader=dict\(_delete_=True, \.'):
        read_config(path)
    path.write_text(CHILD.format(base=base, delete='_delete_=True, '))
    assert read_config(path).test_dataloader.batch_size == 2
