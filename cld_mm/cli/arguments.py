"""Flags that many command-line tools share. Imports nothing slow: --help is instant."""

import argparse
import ast
import json
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any


def add_common_flags(parser: argparse.ArgumentParser) -> None:
    """Flags of every tool that reads a config."""
    parser.add_argument('--work-dir', help='folder for logs, checkpoints and results')
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        action=OptionsAction,
        default=None,
        metavar='KEY=VALUE',
        help='settings that replace those of the config, such as '
        'model.queue_len=4096; lists as key="[a,b]", dicts as key="dict(a=1)"',
    )
    parser.add_argument(
        '--amp',
        action='store_true',
        help='mixed precision: float16 on a GPU, bfloat16 on a CPU',
    )
    parser.add_argument(
        '--amp-dtype',
        choices=['float16', 'bfloat16'],
        help='mixed precision with this type',
    )
    parser.add_argument(
        '--no-pin-memory',
        action='store_true',
        help='do not pin the memory of loaded batches',
    )
    parser.add_argument(
        '--launcher',
        choices=['none', 'pytorch', 'slurm', 'mpi'],
        default='none',
        help='how the ranks were started',
    )
    parser.add_argument(
        '--local_rank', '--local-rank', type=int, default=0, help='set by the launcher'
    )
    parser.add_argument(
        '--debug', action='store_true', help='show the full traceback of an error'
    )


def add_data_flags(parser: argparse.ArgumentParser) -> None:
    """Labeled images, for configs that name none."""
    parser.add_argument(
        '--train-data',
        metavar='FOLDER',
        help='labeled training images in class folders',
    )
    parser.add_argument(
        '--test-data', metavar='FOLDER', help='labeled test images in class folders'
    )


def viewer_parser(description: str, out: str | None) -> argparse.ArgumentParser:
    """A parser with config, checkpoint, sample size, kind of feature and picture."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument('config', help='pre-training config')
    parser.add_argument('checkpoint', help='checkpoint file')
    add_common_flags(parser)
    parser.add_argument('--images', type=int, default=1000, help='size of the sample')
    parser.add_argument('--feature', default='backbone', help='backbone or instance')
    picture = None if out is None else Path(out)
    parser.add_argument('--out', type=Path, default=picture, help='PNG or SVG file')
    return parser


class OptionsAction(argparse.Action):
    """``KEY=VALUE ...`` as a dict: values as mmengine reads them, and nested dicts."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: str | Sequence[Any] | None,
        option_string: str | None = None,
    ) -> None:
        """Read them.

        Raises:
            argparse.ArgumentError: an option lacks its '=', a key or a bracket.
        """
        options = dict(getattr(namespace, self.dest, None) or {})
        for text in values or ():
            key, equals, value = text.partition('=')
            if not equals or not all(key.split('.')):
                raise argparse.ArgumentError(
                    self, f'{text!r} is not KEY=VALUE, such as model.queue_len=4096'
                )
            try:
                options[key] = parse_value(value)
            except ValueError as error:
                raise argparse.ArgumentError(self, f'{text!r}: {error}') from error
        setattr(namespace, self.dest, options)


def parse_value(text: str) -> Any:
    """A value from the command line.

    Python's literals and ``dict(key=value)``; else words, which need no quotes:
    ``true``, ``ResNet``, ``a,b`` and ``[a,(b,c)]`` as in mmengine.

    Raises:
        ValueError: brackets do not match, or a dict is not a Python value.
    """
    try:
        return _literal(ast.parse(text.strip(), mode='eval').body)
    except (ValueError, SyntaxError, RecursionError, MemoryError):
        pass
    if '{' in text or 'dict(' in text:
        with suppress(ValueError):
            return json.loads(text)
        raise ValueError(
            'the dict cannot be read: write it in Python, with quotes around strings, '
            "such as dict(type='SGD', lr=0.1)"
        )
    return _words(text.strip().strip('\'"'))


def _literal(node: ast.expr) -> Any:
    """The value of a literal, in which ``dict(key=value)`` may stand."""
    match node:
        case ast.Call(func=ast.Name(id='dict'), args=[], keywords=keywords):
            if any(word.arg is None for word in keywords):
                raise ValueError('** is not a value')
            return {str(word.arg): _literal(word.value) for word in keywords}
        case ast.Dict(keys=keys, values=items):
            return {
                ast.literal_eval(key): _literal(value)
                for key, value in zip(keys, items, strict=True)
                if key is not None
            }
        case ast.List(elts=items):
            return [_literal(item) for item in items]
        case ast.Tuple(elts=items):  # without brackets a list, as in mmengine
            is_bare = items and node.col_offset == items[0].col_offset
            values = [_literal(item) for item in items]
            return values if is_bare else tuple(values)
    return ast.literal_eval(node)


def _words(text: str) -> Any:
    """A list or tuple of words and values, or one of them."""
    opened = text[:1]
    is_list = {'[': ']', '(': ')'}.get(opened, '') == text[-1:] and len(text) > 1
    items = _split(text[1:-1] if is_list else text)
    if not is_list and len(items) < 2:
        return _word(text)
    found = [_words(item) for item in items]
    return tuple(found) if opened == '(' and is_list else found


def _split(text: str) -> list[str]:
    """At the commas outside brackets."""
    depth, items = 0, ['']
    for character in text:
        depth += (character in '[(') - (character in '])')
        if depth < 0:
            break
        if character == ',' and depth == 0:
            items.append('')
        else:
            items[-1] += character
    if depth:
        raise ValueError('the brackets do not match')
    items = [item.strip() for item in items]
    return items if items[-1] else items[:-1]


def _word(text: str) -> Any:
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    named = {'true': True, 'false': False, 'none': None, 'null': None}
    return named.get(text.lower(), text)
