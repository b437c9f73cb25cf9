"""Look at a config's sections before any flag is merged into them."""

from collections.abc import Mapping
from typing import Any

from mmengine.config import Config

from .check_parts import misspelt
from .error import ConfigError

# What may stand for each section, in words and as types.
MAPPING = ('a dict', Mapping)
PARTS = ('a dict or a list of dicts', (Mapping, list, tuple))
SECTIONS: dict[str, tuple[str, Any]] = {
    'model': MAPPING,
    'model_wrapper_cfg': MAPPING,
    'train_dataloader': MAPPING,
    'val_dataloader': MAPPING,
    'test_dataloader': MAPPING,
    'optim_wrapper': MAPPING,
    'param_scheduler': PARTS,
    'train_cfg': MAPPING,
    'val_cfg': MAPPING,
    'test_cfg': MAPPING,
    'val_evaluator': PARTS,
    'test_evaluator': PARTS,
    'custom_hooks': ('a list of dicts', (list, tuple)),
    'default_hooks': MAPPING,
    'visualizer': MAPPING,
    'randomness': MAPPING,
    'env_cfg': MAPPING,
    'log_processor': MAPPING,
    'auto_scale_lr': MAPPING,
}
TRAINING = ('train_dataloader', 'train_cfg', 'optim_wrapper')
# Parts that only a name can tell.
NAMED = (
    'model',
    'backbone',
    'head',
    'algorithm',
    'dataset',
    'optimizer',
    'visualizer',
    'param_scheduler',
    'custom_hooks',
    'val_evaluator',
    'test_evaluator',
    'pipeline',
    'transforms',
)
LISTS = ('pipeline', 'transforms')


def check_sections(cfg: Config) -> None:
    """Check that each section is there, of the right kind, and its parts have names.

    Raises:
        ConfigError: one is missing, of another kind, or a part has no 'type'.
    """
    for name, (words, kinds) in SECTIONS.items():
        value = cfg.get(name)
        if value is not None and not isinstance(value, kinds):
            raise ConfigError(f'{name}: it is {_short(value)}, but must be {words}.')
        if isinstance(value, (list, tuple)):
            for place, item in enumerate(value):
                if not isinstance(item, Mapping):
                    raise ConfigError(
                        f'{name}[{place}]: it is {_short(item)}, but must be a dict.'
                    )
    for key, hook in (cfg.get('default_hooks') or {}).items():
        if hook is not None and not isinstance(hook, Mapping):
            raise ConfigError(
                f'default_hooks.{key}: it is {_short(hook)}, but must be a dict.'
            )
        if hook is not None:
            _check_names(hook, f'default_hooks.{key}', True)
    if cfg.get('model') is None:
        raise ConfigError('model: the config has none, but every tool needs it.')
    for names in (
        TRAINING,
        ('val_dataloader', 'val_cfg', 'val_evaluator'),
        ('test_dataloader', 'test_cfg', 'test_evaluator'),
    ):
        missing = [name for name in names if cfg.get(name) is None]
        if 0 < len(missing) < len(names):
            there = [name for name in names if name not in missing]
            raise ConfigError(
                f'{", ".join(missing)}: the config has none, but has '
                f'{", ".join(there)}: give all of {", ".join(names)}, or none.'
            )
    for name in ('train_dataloader', 'val_dataloader', 'test_dataloader'):
        loader = cfg.get(name)
        if loader is not None and not isinstance(loader.get('dataset'), Mapping):
            raise ConfigError(
                f'{name}.dataset: it is {_short(loader.get("dataset"))}, but must be '
                'the dict of a data set.'
            )
    for name in SECTIONS:
        _check_names(cfg.get(name), name, name in NAMED)


def _check_names(node: Any, path: str, is_part: bool) -> None:
    if isinstance(node, Mapping):
        if 'type' in node:
            name = node['type']
            if not isinstance(name, str) and not callable(name):
                raise ConfigError(
                    f'{path}.type: it is {_short(name)}, but must be the name of a '
                    'part.'
                )
        elif is_part:
            raise ConfigError(
                f'{path}.type: it is missing{misspelt("type", node)}, and says which '
                f'part {path} is.'
            )
        for key, value in node.items():
            inner = key in NAMED and 'paramwise_cfg' not in path
            if inner and key in LISTS and not isinstance(value, (list, tuple)):
                raise ConfigError(
                    f'{path}.{key}: it is {_short(value)}, but must be a list of '
                    'transforms.'
                )
            absent = value is None and key != 'backbone'
            if inner and not absent and not isinstance(value, (Mapping, list)):
                raise ConfigError(
                    f'{path}.{key}: it is {_short(value)}, but must be a part: a '
                    "dict with a 'type'."
                )
            _check_names(value, f'{path}.{key}', inner)
    elif isinstance(node, (list, tuple)):
        for place, value in enumerate(node):
            # SeededMultiView has a list of transforms for each kind of view.
            if is_part and not isinstance(value, (Mapping, list, tuple)):
                raise ConfigError(
                    f'{path}[{place}]: it is {_short(value)}, but must be a part: a '
                    "dict with a 'type'."
                )
            _check_names(value, f'{path}[{place}]', is_part)


def _short(value: Any) -> str:
    text = ' '.join(repr(value).split())
    return text if len(text) <= 60 else f'{text[:57]}...'
