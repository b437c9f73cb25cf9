"""Check that a config has its sections, each of the right kind, before any flag."""

from collections.abc import Mapping
from typing import Any

from mmengine.config import Config

from .error import ConfigError, shorten
from .tree import SECTIONS, Node, walk

LISTS = ('pipeline', 'transforms')
LIST_SECTIONS = ('custom_hooks',)
LIST_OR_DICT_SECTIONS = ('param_scheduler', 'val_evaluator', 'test_evaluator')
TOGETHER = (
    ('train_dataloader', 'train_cfg', 'optim_wrapper'),
    ('val_dataloader', 'val_cfg', 'val_evaluator'),
    ('test_dataloader', 'test_cfg', 'test_evaluator'),
)


def check_structure(cfg: Config) -> None:
    """Check that each section is there, and that parts are dicts.

    Raises:
        ConfigError: one is missing or of another kind.
    """
    if cfg.get('model') is None:
        raise ConfigError('model is missing, but every tool needs it.')
    for names in TOGETHER:
        missing = [name for name in names if cfg.get(name) is None]
        if 0 < len(missing) < len(names):
            there = [name for name in names if name not in missing]
            raise ConfigError(
                f'{", ".join(missing)}: not in the config, but {", ".join(there)} is: '
                f'give all of {", ".join(names)}, or none.'
            )
    for node in walk(cfg):
        if node.path in SECTIONS:
            _check_section(node)
        if node.registry is not None:
            _check_part(node)


def _check_section(node: Node) -> None:
    kinds: Any = Mapping
    words = 'a dict'
    if node.path in LIST_SECTIONS:
        kinds, words = (list, tuple), 'a list of dicts'
    elif node.path in LIST_OR_DICT_SECTIONS:
        kinds, words = (Mapping, list, tuple), 'a dict or a list of dicts'
    if not isinstance(node.value, kinds):
        raise ConfigError(f'{node.path} must be {words}, got {shorten(node.value)}.')


def _check_part(node: Node) -> None:
    """Where a part is expected there is a dict, or a list of them."""
    path, value = node.path, node.value
    is_item = path.endswith(']')
    if node.key in LISTS and not is_item and not isinstance(value, (list, tuple)):
        if value is not None:
            raise ConfigError(
                f'{path} must be a list of transforms, got {shorten(value)}.'
            )
    elif isinstance(value, Mapping):
        if 'type' in value:
            name = value['type']
            if not isinstance(name, str) and not callable(name):
                raise ConfigError(
                    f'{path}.type must be the name of a part, got {shorten(name)}.'
                )
    elif value is None and (is_item or node.key == 'backbone'):
        raise ConfigError(f"{path} must be a part, a dict with a 'type', got None.")
    elif isinstance(value, (bool, int, float, str)) or (
        is_item and node.key == 'pipeline' and isinstance(value, (list, tuple))
    ):
        raise ConfigError(
            f"{path} must be a part, a dict with a 'type', got {shorten(value)}."
        )
