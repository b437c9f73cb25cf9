"""``--cfg-options``: settings on the command line, and what they may name."""

import argparse
import difflib
from typing import Any

from mmengine.config import Config, DictAction

from .error import ConfigError


class OptionsAction(DictAction):
    """mmengine's, with a sentence for what is no ``KEY=VALUE``."""

    def __call__(self, parser, namespace, values, option_string=None) -> None:
        """Read them.

        Raises:
            argparse.ArgumentError: an option lacks its '=', a key or a bracket.
        """
        for text in values:
            key, equals, _ = text.partition('=')
            if not equals or not all(key.split('.')):
                raise argparse.ArgumentError(
                    self, f'{text!r} is no KEY=VALUE, such as model.queue_len=4096'
                )
        try:
            super().__call__(parser, namespace, values, option_string)
        except (AssertionError, ValueError, IndexError) as error:
            raise argparse.ArgumentError(
                self, f'{" ".join(values)}: {error}'
            ) from error


def check_option(cfg: Config, option: str, value: Any) -> None:
    """Reject an option that would make a new key at the top, or miss a list's item.

    Raises:
        ConfigError: the sentence names the option, and a key that may be meant.
    """
    *above, last = option.split('.')
    node: Any = cfg
    path = ''
    for key in above or [last]:
        if isinstance(node, (list, tuple)):
            _check_index(node, path, key, option)
            node = node[int(key)]
        elif not hasattr(node, 'keys'):
            return
        else:
            if key not in node:
                close = difflib.get_close_matches(key, list(node.keys()), n=1)
                meant = f"; did you mean '{path}{close[0]}'?" if close else '.'
                raise ConfigError(
                    f"--cfg-options {option}: the config has no '{path}{key}'{meant}"
                )
            node = node[key]
        path += f'{key}.'
    if above and isinstance(node, (list, tuple)):
        _check_index(node, path, last, option)
        if not isinstance(value, dict):
            raise ConfigError(
                f'--cfg-options {option}: it is {value!r}, but an item of a list takes '
                f'settings only, such as {option}.type=NAME; or give the whole list, '
                f'{path[:-1]}="[...]".'
            )


def _check_index(items: Any, path: str, key: str, option: str) -> None:
    if not (key.isdecimal() and int(key) < len(items)):
        raise ConfigError(
            f"--cfg-options {option}: '{path[:-1]}' is a list of {len(items)}, and "
            f'{key!r} is none of its places: count from 0.'
        )
