"""Flags that many command-line tools share. Imports nothing slow: --help is instant."""

import argparse
import ast
import inspect
import json
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any


def at_least(limit: int) -> Callable[[str], int]:
    """A type of arguments: whole numbers from ``limit`` on."""

    def number(text: str) -> int:
        if not text.isdecimal() or int(text) < limit:
            raise argparse.ArgumentTypeError(
                f'must be a whole number >= {limit}, got {text}'
            )
        return int(text)

    return number


natural, positive = at_least(0), at_least(1)


def add_cfg_options(parser: argparse.ArgumentParser, dest: str = 'cfg_options') -> None:
    """``--cfg-options``; ``dest`` is its attribute."""
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        action=OptionsAction,
        default={},
        dest=dest,
        metavar='KEY=VALUE',
        help='settings that replace those of the config, such as '
        'model.queue_len=4096; lists as key="[a,b]", dicts as key="dict(a=1)"',
    )


def call_with_options(function: Callable, args: argparse.Namespace) -> Any:
    """Call a function with the options that are named like its parameters."""
    names = inspect.signature(function).parameters
    return function(**{name: v for name, v in vars(args).items() if name in names})


def add_common_flags(parser: argparse.ArgumentParser) -> None:
    """Flags of every tool that reads a config."""
    parser.add_argument('--work-dir', help='folder for logs, checkpoints and results')
    add_cfg_options(parser)
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


def checkpoint_parser(description: str) -> argparse.ArgumentParser:
    """A parser of tools that evaluate a checkpoint of a config."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument('config', help='config that it was trained by')
    parser.add_argument('checkpoint', help='checkpoint file')
    add_common_flags(parser)
    return parser


def add_data_flags(parser: argparse.ArgumentParser) -> None:
    """Labeled images, for configs that name none."""
    for name, images in (('train', 'training'), ('test', 'test')):
        parser.add_argument(
            f'--{name}-data',
            metavar='FOLDER',
            help=f'labeled {images} images in class folders',
        )


def frozen_parser(description: str) -> argparse.ArgumentParser:
    """A parser with config, checkpoint, labeled images and a file of results."""
    parser = checkpoint_parser(description)
    add_data_flags(parser)
    parser.add_argument(
        '--out', help='JSON file; default: <tool>_<checkpoint>.json beside it'
    )
    return parser


def viewer_parser(description: str, out: str | None) -> argparse.ArgumentParser:
    """A parser with config, checkpoint, sample size, kind of feature and picture."""
    parser = checkpoint_parser(description)
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
    """A value from the command line, as mmengine reads it, or a dict.

    ``[a,(b,c)]`` needs no quotes around strings; ``dict(type='SGD')`` does.

    Raises:
        ValueError: brackets do not match, or a dict is not a Python value.
    """
    from mmengine.config import DictAction

    if '{' not in text and 'dict(' not in text:
        try:
            return DictAction._parse_iterable(text)
        except (AssertionError, RecursionError) as error:
            raise ValueError('the brackets do not match') from error
    with suppress(ValueError, SyntaxError, RecursionError):
        return ast.literal_eval(_DictCalls().visit(ast.parse(text, mode='eval')))
    with suppress(ValueError):
        return json.loads(text)
    raise ValueError(
        'the dict cannot be read: write it in Python, with quotes around strings, such '
        "as dict(type='SGD', lr=0.1)"
    )


class _DictCalls(ast.NodeTransformer):
    """``dict(key=value)`` as ``{'key': value}``, which is a literal."""

    def visit_Call(self, node: ast.Call) -> ast.expr:
        self.generic_visit(node)
        if not isinstance(node.func, ast.Name) or node.func.id != 'dict' or node.args:
            return node
        words = node.keywords
        return ast.Dict([ast.Constant(w.arg) for w in words], [w.value for w in words])
