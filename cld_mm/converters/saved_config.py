"""The config that a checkpoint or a work dir keeps, read without running it."""

import ast
from collections.abc import Mapping
from typing import Any

from cld_mm.config.tree import walk_value


def stored_config(checkpoint: dict[str, Any]) -> dict[str, Any]:
    """The config in a checkpoint's ``meta``; empty where there is none."""
    text = (checkpoint.get('meta') or {}).get('cfg')
    return parse_dump(text) if isinstance(text, str) else {}


def parse_dump(text: str) -> dict[str, Any]:
    """Values of a config that mmengine dumped: ``key = dict(...)`` and literals.

    Raises:
        ValueError: the text holds anything else, such as a call or an import.
    """
    values = {}
    try:
        for line in ast.parse(text).body:
            match line:
                case ast.Assign(targets=[ast.Name(id=name)], value=value):
                    values[name] = _literal(value)
                case _:
                    raise ValueError(f'line {line.lineno} is not a value')
    except (ValueError, SyntaxError, RecursionError, MemoryError) as error:
        raise ValueError(f'the stored config cannot be read: {error}.') from error
    return values


def _literal(node: ast.expr) -> Any:
    match node:
        case ast.Call(func=ast.Name(id='dict'), args=[], keywords=keywords):
            return {word.arg: _literal(word.value) for word in keywords if word.arg}
        case ast.Dict(keys=keys, values=values):
            pairs = zip(keys, values, strict=True)
            return {ast.literal_eval(k): _literal(v) for k, v in pairs if k is not None}
        case ast.List(elts=items):
            return [_literal(item) for item in items]
        case ast.Tuple(elts=items):
            return tuple(_literal(item) for item in items)
    return ast.literal_eval(node)


def view_size(config: Mapping[str, Any]) -> int | None:
    """Side of a config's first random view or crop, of training if there is one."""
    for part in (config.get('train_dataloader'), config):
        for node in walk_value(part, ''):
            step = node.value if isinstance(node.value, Mapping) else {}
            name = str(step.get('type'))
            if 'RandomView' in name or 'Crop' in name:
                side = step.get('size') or step.get('scale') or step.get('crop_size')
                side = side[0] if isinstance(side, (list, tuple)) else side
                if isinstance(side, int):
                    return side
    return None
