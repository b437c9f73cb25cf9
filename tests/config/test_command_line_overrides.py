"""Configs that cannot be read, and options that cannot be meant, are one sentence."""

import argparse
from pathlib import Path
from typing import Any

import pytest
from mmengine.config import Config

from cld_mm.cli.run_tool import load_config
from cld_mm.config.command_line_overrides import OptionsAction, check_option
from cld_mm.config.error import ConfigError


def read(*words: Any) -> Any:
    parser = argparse.ArgumentParser(exit_on_error=False)
    parser.add_argument('--cfg-options', nargs='+', action=OptionsAction)
    return parser.parse_args(['--cfg-options', *words]).cfg_options


@pytest.mark.parametrize('word', ['a', '=3', 'a..b=1', 'a=[1,2', ''])
def test_what_is_no_option(word: str) -> None:
    assert read('b=[1,2]') == {'b': [1, 2]}
    with pytest.raises(argparse.ArgumentError) as raised:
        read('b=1', word)
    assert word in str(raised.value)
    assert '\n' not in str(raised.value)


@pytest.mark.parametrize(
    ('word', 'said'),
    [
        ('hooks.0=None', 'hooks.0: it is None, but an item of a list'),
        ('hooks.0=3', 'hooks.0: it is 3, but an item of a list takes settings only'),
        ('hooks.2.type=A', "'hooks' is a list of 2, and '2' is none of its places"),
        ('hooks.x=3', "'x' is none of its places"),
        ('hooks.-1.type=A', "'-1' is none of its places"),
        ('modle.size=3', r"the config has no 'modle'; did you mean 'model'"),
        ('hooks.1.inner.sise.a=3', r"no 'hooks.1.inner.sise'; .*'hooks.1.inner.size'"),
    ],
)
def test_what_no_option_may_name(word: str, said: str) -> None:
    cfg = Config(
        {
            'model': {'size': 3},
            'hooks': [{'type': 'A'}, {'type': 'B', 'inner': {'size': {}}}],
        }
    )
    ((option, value),) = read(word).items()
    with pytest.raises(ConfigError, match=said) as raised:
        check_option(cfg, option, value)
    assert '\n' not in str(raised.value)
    good = read('hooks.1.type=C', 'model.new=2', 'hooks.1.inner.size.b=[1,2]')
    for option, value in good.items():
        check_option(cfg, option, value)
    cfg.merge_from_dict(good)
    assert cfg.hooks[1].type == 'C'
    assert cfg.hooks[1].inner.size.b == [1, 2]


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
def test_configs_that_cannot_be_read(
    name: str, text: str, said: str, tmp_path: Path
) -> None:
    (tmp_path / name).write_text(text)
    args = argparse.Namespace(config=str(tmp_path / name))
    with pytest.raises(ConfigError, match=f'{name} cannot be read: .*{said}') as raised:
        load_config(args)
    assert '\n' not in str(raised.value)
