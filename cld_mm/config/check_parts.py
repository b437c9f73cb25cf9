"""Check each part of a config: its name, its settings and their types."""

import difflib
from collections.abc import Callable, Mapping
from typing import Any

from mmengine.model import MMDistributedDataParallel
from mmengine.optim import OptimWrapper
from mmengine.registry import FUNCTIONS, Registry
from mmengine.runner import (
    EpochBasedTrainLoop,
    IterBasedTrainLoop,
    Priority,
    TestLoop,
    ValLoop,
    get_priority,
)

from cld_mm import registry as registries

from .error import ConfigError, misspelling, shorten, suggestion
from .signatures import signature_of, wanted_type
from .tree import Node

# mmengine's own keys of a part's dict, which its constructor never sees.
RESERVED = {'type', '_scope_'}
# The same, by the registry of the part.
ALSO_RESERVED = {
    registries.HOOKS: {'priority'},
    registries.OPTIM_WRAPPERS: {'optimizer', 'constructor', 'paramwise_cfg'},
    registries.PARAM_SCHEDULERS: {'convert_to_iter_based'},
}
UPSTREAM = ('mmengine', 'mmpretrain', 'mmcv', 'mmdet', 'torch', 'torchvision', 'timm')
# Parts that get some of their required settings from the runner or the loader.
HANDED_OVER = (
    registries.LOOPS,
    registries.DATA_SAMPLERS,
    registries.OPTIM_WRAPPERS,
    registries.MODEL_WRAPPERS,
    registries.PARAM_SCHEDULERS,
    registries.VISBACKENDS,
    FUNCTIONS,
)
# What mmengine takes where a section has no 'type'.
DEFAULT_PARTS: dict[str, Any] = {
    'val_cfg': ValLoop,
    'test_cfg': TestLoop,
    'optim_wrapper': OptimWrapper,
    'model_wrapper_cfg': MMDistributedDataParallel,
}


def check_part(node: Node, owner: Any) -> Any:
    """Check a dict that is a part.

    Args:
        node: the dict and its path.
        owner: class of the part that it is a setting of, if any. ``default_parts`` of
            it names parts without a 'type', ``inferred_settings`` required settings
            that it fills in, such as ``('neck.in_channels',)``.

    Returns:
        Its class or function; None where it is not known.

    Raises:
        ConfigError: no part has its name, or one of its settings is unknown, missing
            or of another type.
    """
    default = getattr(owner, 'default_parts', {}).get(node.key)
    if default and 'type' not in node.value:
        node = node._replace(value={'type': default, **node.value})
    part, path = node.value, node.path
    found = part_class(node)
    if found is None:
        if node.registry is not None:
            raise ConfigError(f'{path}.type: {_unknown_name(node)}')
        return None
    reserved = RESERVED | ALSO_RESERVED.get(node.registry, set())  # type: ignore[arg-type]
    if path == 'train_cfg' and 'type' not in part:
        reserved = reserved | {'by_epoch'}
    if node.registry is registries.HOOKS and 'priority' in part:
        _check_priority(f'{path}.priority', part['priority'])
    given = {key: value for key, value in part.items() if key not in reserved}
    check_settings(path, given, found)
    if is_upstream(found) or node.registry in HANDED_OVER:
        return found
    signature = signature_of(found)
    for key in signature.required:
        inferred = getattr(owner, 'inferred_settings', ())
        if key not in part and f'{node.key}.{key}' not in inferred:
            close = misspelling(key, set(given) - set(signature.parameters))
            raise ConfigError(
                f'{path}.{key} is missing{close}: {found.__name__} requires it.'
            )
    return found


def check_settings(
    path: str, given: Mapping[str, Any], part: Callable, others: tuple[str, ...] = ()
) -> None:
    """Check the names and types of what is given to a class or function.

    Args:
        path: of the settings' dict.
        given: the settings.
        part: the class or function that takes them.
        others: names that are taken too.

    Raises:
        ConfigError: a name is unknown, or a value of another type.
    """
    signature = signature_of(part)
    known = {*signature.parameters, *others}
    # Where names go elsewhere, such as an optimizer's, only a misspelt one is wrong.
    is_strict = not is_upstream(part) or not signature.passes_on
    for key, value in given.items():
        close = suggestion(key, known)
        is_known = key in known or signature.takes_any
        if not is_known and (is_strict or close):
            name = getattr(part, '__name__', str(part))
            raise ConfigError(
                f'{path}.{key}: {name} has no setting {key!r}{close} (it takes '
                f'{", ".join(sorted(known))}; a setting inherited from a base config '
                "goes with '_delete_=True')."
            )
        check_type(f'{path}.{key}', part, key, value)


def is_upstream(part: Any) -> bool:
    """Whether a part is a library's, which may fill in required settings itself."""
    return getattr(part, '__module__', '').split('.')[0] in UPSTREAM


def check_type(path: str, part: Callable, key: str, value: Any) -> None:
    """Raise a ConfigError where a part cannot take this value."""
    wanted = wanted_type(part, key, value)
    if wanted is not None:
        raise ConfigError(f'{path} must be {wanted}, got {shorten(value)}.')


def part_class(node: Node) -> Any:
    """The class or function that a part's dict names; None where there is none."""
    part = node.value
    if 'type' not in part and node.path in DEFAULT_PARTS:
        return DEFAULT_PARTS[node.path]
    if (
        node.path == 'train_cfg'
        and 'type' not in part
        and isinstance(part.get('by_epoch'), bool)
    ):
        return EpochBasedTrainLoop if part['by_epoch'] else IterBasedTrainLoop
    if 'type' not in part:
        loop = " (such as 'ResumableEpochLoop', or give by_epoch=True)"
        raise ConfigError(
            f'{node.path}.type is missing{misspelling("type", part)}: it names the '
            f'part that {node.path} is{loop if node.path == "train_cfg" else ""}.'
        )
    if not isinstance(part['type'], str):
        return part['type']
    return find_part(part['type'], node.registry)


def find_part(name: str, registry: Registry | None) -> Any:
    """The part of that name in a registry, or in any; None if there is none."""
    kinds = [registry] if registry is not None else _registries()
    found = (kind.get(name) for kind in kinds)
    return next((part for part in found if part is not None), None)


def _registries() -> list[Registry]:
    return [value for value in vars(registries).values() if isinstance(value, Registry)]


def _unknown_name(node: Node) -> str:
    """What is wrong with a name that a registry does not know, and what to do."""
    name, registry = str(node.value['type']), node.registry
    assert registry is not None  # noqa: S101 for mypy
    kind = registry.name.replace('_', ' ')
    names: list[str] = []
    parent: Registry | None = registry
    while parent is not None:
        names.extend(parent.module_dict)
        parent = parent.parent
    text = f'no {kind} is named {name!r}'
    close = difflib.get_close_matches(name, names, n=1)
    if close:
        return f"{text}; did you mean '{close[0]}'?"
    for other in _registries():
        if other.get(name) is not None:
            words = other.name.replace('_', ' ')
            return f'{text}, but a {words} is: two sections may be swapped.'
    return (
        f'{text}: if it is your own, import its module by custom_imports, else take a '
        'name that configs/ uses.'
    )


def _check_priority(path: str, value: Any) -> None:
    try:
        get_priority(value)
    except (TypeError, ValueError, KeyError) as error:
        names = ', '.join(priority.name for priority in Priority)
        raise ConfigError(
            f'{path} must be an integer from 0 (first) to 100, or one of {names}, got '
            f'{value!r}.'
        ) from error
