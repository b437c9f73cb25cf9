"""--cfg-options as words of the command line."""

import argparse
from typing import Any

import pytest

from cld_mm.cli.arguments import OptionsAction, parse_value


def read(*words: str) -> dict:
    parser = argparse.ArgumentParser(exit_on_error=False)
    parser.add_argument('--cfg-options', nargs='+', action=OptionsAction)
    return parser.parse_args(['--cfg-options', *words]).cfg_options


@pytest.mark.parametrize('word', ['a', '=3', 'a..b=1', 'a=[1,2', '', 'a=dict(b=1'])
def test_an_invalid_option_is_named_in_one_line(word: str) -> None:
    with pytest.raises(argparse.ArgumentError) as raised:
        read('b=1', word)
    assert word in str(raised.value)
    assert '\n' not in str(raised.value)


def test_options_add_up() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument('--cfg-options', nargs='+', action=OptionsAction)
    words = ['--cfg-options', 'a=1', '--cfg-options', 'b=x=y']
    assert parser.parse_args(words).cfg_options == {'a': 1, 'b': 'x=y'}


@pytest.mark.parametrize(
    ('text', 'value'),
    [
        ('1', 1),
        ('1e-3', 0.001),
        ('true', True),
        ('None', None),
        ('ResNet', 'ResNet'),
        ('1,2,3', [1, 2, 3]),
        ('[a, b, c]', ['a', 'b', 'c']),
        ('(1, 5)', (1, 5)),
        ('(1,)', (1,)),
        ('[(1, 2), [a, b], c]', [(1, 2), ['a', 'b'], 'c']),
        ('[]', []),
        ('https://host/a', 'https://host/a'),
        ("dict(type='SGD', lr=0.1)", {'type': 'SGD', 'lr': 0.1}),
        ("dict(a=dict(b=[1, dict(c='d')]))", {'a': {'b': [1, {'c': 'd'}]}}),
        ('{"a": true}', {'a': True}),
        ("[dict(type='A')]", [{'type': 'A'}]),
    ],
)
def test_values(text: str, value: Any) -> None:
    found = parse_value(text)
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize('text', ['dict(type=SGD)', 'dict(a=1', '{a: 1}'])
def test_an_invalid_dict_says_how_to_write_it(text: str) -> None:
    with pytest.raises(ValueError, match=r'quotes around strings, such as dict\(type'):
        parse_value(text)
