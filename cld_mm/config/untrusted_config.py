"""Configs from strangers: JSON or YAML, and nothing in them runs Python.

A Python config is a program. mmengine's registries also import any object that a part's
'type' spells with dots ('os.system'), so here each name must be a registered part's.
"""

import ast
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
import yaml
from mmengine import registry as roots
from mmengine.config import Config
from mmengine.registry import Registry

from cld_mm import registry as ours
from cld_mm.fileio.plain_file_handlers import PlainLoader

from .error import ConfigError

SUFFIXES = ('.json', '.yaml', '.yml')
# Keys by which mmengine reads other files or imports modules.
CODE_KEYS = ('_base_', 'custom_imports', 'lazy_import')
# Files that are programs, or are unpickled where a data set or a loader reads them.
CODE_FILES = ('.py', '.pkl', '.pickle')
# Settings of mmengine's and mmpretrain's parts that say where files are written, or
# (collect_dir) which folder is deleted.
PLACE_KEYS: tuple[str, ...] = (
    'out_dir',
    'save_dir',
    'img_save_dir',
    'csv_dir',
    'collect_dir',
)
PLACE_KEYS += ('dir_name', 'work_dir', 'filename', 'filename_tmpl', 'file_path')
PLACE_KEYS += ('out_file_path', 'result_path', 'json_trace_path', 'rfstructure_file')
PLACE_KEYS += ('scalar_save_file', 'config_save_file', 'init_method', 'db_path')
# Parts that unpickle files of any name, or fetch models and their code themselves.
LOADERS: tuple[str, ...] = (
    'mmpretrain.models.multimodal.',
    'mmpretrain.models.retrievers.',
)
LOADERS += ('mmpretrain.utils.dependency',)  # stands in for the former two
LOADERS += ('mmpretrain.models.classifiers.hugging_face',)
LOADERS += ('mmpretrain.models.classifiers.timm', 'mmpretrain.models.backbones.timm')
# Backends that send config and pictures to where a stranger says.
SENDERS = ('Wandb', 'MLflow', 'ClearML', 'Neptune', 'DVCLive', 'Aim')
SENDING = {f'{name}VisBackend' for name in SENDERS}
MOST_VALUES = 100_000


def load_safe_config(path: str | Path) -> Config:
    """Read a dump of a config without running anything that it says.

    Args:
        path: a JSON or YAML file that holds the whole config.

    Raises:
        ConfigError: it is Python or cannot be read, names other files of code, a part
            that is not registered or a place to write to, or unfolds to too many
            values. Its ``work_dir`` is left out: a stranger does not choose that.
    """
    path = Path(path)
    if path.suffix.lower() not in SUFFIXES:
        raise ConfigError(
            f'--safe-config takes {", ".join(SUFFIXES)}, and {path} is none: a Python '
            'config is a program; dump it with tools/misc/print_config.py --out.'
        )
    try:
        text = path.read_text(encoding='utf-8')
        is_json = path.suffix.lower() == '.json'
        values = json.loads(text) if is_json else yaml.load(text, PlainLoader)  # noqa: S506 builds no objects
    except (ValueError, yaml.YAMLError, RecursionError) as error:
        raise ConfigError(
            f'the config {path} cannot be read: {" ".join(str(error).split())}.'
        ) from error
    return _checked(values, path)


def load_safe_dump(path: str | Path) -> Config:
    """Read the Python config that a work dir keeps, without running it.

    What mmengine dumps is values alone, ``key = dict(...)``; they are read as such.

    Args:
        path: a ``vis_data/config.py``.

    Raises:
        ConfigError: it has more than values, or ``load_safe_config`` would refuse it.
    """
    values = {}
    try:
        for line in ast.parse(Path(path).read_text(encoding='utf-8')).body:
            match line:
                case ast.Assign(targets=[ast.Name(id=name)], value=value):
                    values[name] = _literal(value)
                case _:
                    raise ValueError(f'line {line.lineno} is no value')
    except (ValueError, SyntaxError, RecursionError, MemoryError) as error:
        raise ConfigError(
            f'--safe-config does not run {path}, and it is more than a dump of values: '
            f'{" ".join(str(error).split())}.'
        ) from error
    return _checked(values, path)


def _literal(node: ast.expr) -> Any:
    """The value of a literal, in which ``dict(key=value)`` may stand."""
    match node:
        case ast.Call(func=ast.Name(id='dict'), args=[], keywords=keywords):
            return {word.arg: _literal(word.value) for word in keywords if word.arg}
        case ast.Dict(keys=keys, values=values):
            return {
                ast.literal_eval(key): _literal(value)
                for key, value in zip(keys, values, strict=True)
                if key is not None
            }
        case ast.List(elts=items) | ast.Tuple(elts=items):
            return [_literal(item) for item in items]
    return ast.literal_eval(node)


def _checked(values: Any, path: str | Path) -> Config:
    if not isinstance(values, dict):
        raise ConfigError(f'the config {path} holds no keys and values.')
    imports = values.get('custom_imports')
    if isinstance(imports, dict) and imports.get('imports') == ['cld_mm.registry']:
        values.pop('custom_imports')  # every recipe has it, and it has been imported
    values.pop('work_dir', None)
    check_values(values)
    try:
        return Config(values)
    except KeyError as error:  # a name of its own, such as 'text'
        raise ConfigError(f'the config {path} cannot be read: {error.args[0]}.') from (
            error
        )


def check_values(values: dict) -> None:
    """Raise a ConfigError where a value could run code, or there are too many."""
    names = registered_names()
    for count, (path, key, value) in enumerate(_walk(values, '')):
        if count >= MOST_VALUES:
            raise ConfigError(f'the config has more than {MOST_VALUES} values.')
        if key in CODE_KEYS:
            raise ConfigError(f'{path}: --safe-config does not read or import files.')
        if isinstance(value, str) and value.lower().endswith(CODE_FILES):
            raise ConfigError(f'{path}: --safe-config reads no {value!r}.')
        if key in PLACE_KEYS and isinstance(value, (str, bytes, list, tuple, dict)):
            raise ConfigError(
                f'{path}: --safe-config lets no config choose where files are written.'
            )
        # mmpretrain runs a dtype's name as Python.
        if key == 'dtype' and isinstance(value, str) and not _is_dtype(value):
            raise ConfigError(f"{path}: {value!r} is none of torch's types.")
        if key in NAME_KEYS and value:
            known = SCOPES if key in ('_scope_', 'default_scope') else names
            if not isinstance(value, str) or _bare(value) not in known:
                raise ConfigError(
                    f'{path}: {value!r} is no registered part that --safe-config '
                    'builds, and it imports nothing.'
                )


SCOPES = ('cld_mm', 'mmpretrain', 'mmengine', 'mmcv')
NAME_KEYS = ('type', 'runner_type', 'constructor', '_scope_', 'default_scope')


def _is_dtype(name: str) -> bool:
    return isinstance(getattr(torch, name, None), torch.dtype)


def _bare(name: str) -> str:
    scope, _, rest = name.partition('.')
    return rest if scope in SCOPES and rest else name


def registered_names() -> set[str]:
    """Names of all parts in mmengine's registries and their children, but LOADERS."""
    found: set[str] = set()
    for module in (ours, roots):
        for value in vars(module).values():
            if isinstance(value, Registry):
                found |= _names(value)
    return found - SENDING


def _names(registry: Registry | None) -> set[str]:
    found: set[str] = set()
    while registry is not None:
        registry.import_from_location()
        found |= {
            name
            for name, part in registry.module_dict.items()
            if not str(getattr(part, '__module__', '')).startswith(LOADERS)
        }
        registry = registry.parent
    return found


def _walk(node: Any, path: str, depth: int = 0) -> Iterator[tuple[str, Any, Any]]:
    if depth > 50:
        raise ConfigError(f'{path}: the config is nested more than 50 deep.')
    items: Any = ()
    if isinstance(node, dict):
        items = node.items()
    elif isinstance(node, (list, tuple, set)):  # YAML's pairs are tuples
        items = enumerate(node)
    for key, value in items:
        here = f'{path}.{key}' if path else str(key)
        yield here, key, value
        yield from _walk(value, here, depth + 1)
