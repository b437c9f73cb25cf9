"""Look over each part of a config: its name, its settings, their types."""

import difflib
import inspect
from collections.abc import Collection, Iterator
from typing import Any

from mmengine.registry import FUNCTIONS, Registry
from mmengine.runner import Priority, get_priority

from cld_mm import registry as registries

from .annotation_types import misfit
from .error import ConfigError

# mmengine's own keys of a part's dict, which its constructor never sees.
RESERVED = {'type', '_scope_'}
# Settings that a part takes from its neighbours where the config leaves them out.
FILLED_IN = {'CrossLevel': {'in_channels'}}  # of its neck, from the backbone
# Parts that get some of their settings from the runner or the loader.
HANDED_OVER = (
    registries.LOOPS,
    registries.DATA_SAMPLERS,
    registries.OPTIM_WRAPPERS,
    registries.MODEL_WRAPPERS,
    FUNCTIONS,
)
# Where names can only be those of one kind of part.
KINDS = {
    'model': registries.MODELS,
    'model_wrapper_cfg': registries.MODEL_WRAPPERS,
    'backbone': registries.MODELS,
    'neck': registries.MODELS,
    'head': registries.MODELS,
    'cld': registries.MODELS,
    'grouping': registries.MODELS,
    'loss': registries.MODELS,
    'dataset': registries.DATASETS,
    'sampler': registries.DATA_SAMPLERS,
    'collate_fn': FUNCTIONS,
    'optim_wrapper': registries.OPTIM_WRAPPERS,
    'optimizer': registries.OPTIMIZERS,
    'custom_hooks': registries.HOOKS,
    'default_hooks': registries.HOOKS,
    'train_cfg': registries.LOOPS,
    'val_cfg': registries.LOOPS,
    'test_cfg': registries.LOOPS,
    'val_evaluator': registries.METRICS,
    'test_evaluator': registries.METRICS,
    'pipeline': registries.TRANSFORMS,
    'transforms': registries.TRANSFORMS,
    'param_scheduler': registries.PARAM_SCHEDULERS,
}


def parts(
    node: Any, path: str, kind: Registry | None
) -> Iterator[tuple[str, dict, Registry | None]]:
    """Every dict with a 'type', with its path and the registry it belongs to."""
    if isinstance(node, dict):
        if 'type' in node:
            yield path, node, kind
        for key, value in node.items():
            inner = KINDS.get(key, kind if key in ('scheduler',) else None)
            if path in ('custom_hooks', 'default_hooks'):
                inner = kind
            yield from parts(value, f'{path}.{key}', inner)
    elif isinstance(node, (list, tuple)):
        for place, value in enumerate(node):
            yield from parts(value, f'{path}[{place}]', kind)


def check_part(
    path: str, part: dict, kind: Registry | None, filled_in: Collection[str]
) -> None:
    """Raise a ConfigError where a part's name or one of its settings is wrong."""
    name = part['type']
    found = find(name, kind) if isinstance(name, str) else name
    if found is None:
        if kind is not None:
            raise ConfigError(
                f'{path}.type: no {_words(kind)} is named {name!r}'
                f'{_cure(str(name), kind)}'
            )
        return
    reserved = RESERVED
    if kind is registries.HOOKS and 'priority' in part:  # the runner takes it out
        reserved = RESERVED | {'priority'}
        _check_priority(f'{path}.priority', part['priority'])
    for key, value in part.items():
        if key not in reserved:
            check_type(f'{path}.{key}', found, key, value)
    ours = getattr(found, '__module__', '').startswith('cld_mm.')
    # Of others' parts, those alone that hand nothing on to whatever they wrap.
    if not ours and (kind is not registries.OPTIMIZERS or _takes_any(found)):
        return
    known, required, open_ended = _settings(found)
    for key in part:
        if key not in known and key not in reserved and not open_ended:
            raise ConfigError(
                f'{path}.{key}: {name} has no setting {key!r}'
                f'{meant(key, known)} (it takes {", ".join(sorted(known))}).'
            )
    if not ours or kind in HANDED_OVER:
        return
    for key in required:
        if key not in part and key not in filled_in:
            raise ConfigError(
                f'{path}.{key}: {name} needs this setting, and the '
                f'config does not have it{misspelt(key, set(part) - known)}.'
            )


def _check_priority(path: str, value: Any) -> None:
    try:
        get_priority(value)
    except (TypeError, ValueError, KeyError) as error:
        names = ', '.join(priority.name for priority in Priority)
        raise ConfigError(
            f'{path}: it is {value!r}, but must be a whole number from 0 (first) to '
            f'100, or one of {names}.'
        ) from error


def check_type(path: str, found: Any, key: str, value: Any) -> None:
    """Raise a ConfigError where a part cannot take this value."""
    wanted = misfit(found, key, value)
    if wanted is not None:
        text = ' '.join(repr(value).split())
        shown = text if len(text) <= 60 else f'{text[:57]}...'
        raise ConfigError(f'{path}: it is {shown}, but must be {wanted}.')


def find(name: str, kind: Registry | None) -> Any:
    """The part of that name; None if there is none."""
    kinds = (
        [kind]
        if kind is not None
        else [
            value for value in vars(registries).values() if isinstance(value, Registry)
        ]
    )
    for registry in kinds:
        found = registry.get(name)
        if found is not None:
            return found
    return None


def _names(kind: Registry) -> list[str]:
    names: list[str] = []
    registry: Registry | None = kind
    while registry is not None:
        names.extend(registry.module_dict)
        registry = registry.parent
    return names


def _words(kind: Registry) -> str:
    return kind.name.replace('_', ' ')


def _cure(name: str, kind: Registry) -> str:
    """What to do about a name that a registry does not know."""
    close = meant(name, _names(kind))
    if close:
        return close
    for other in vars(registries).values():
        if isinstance(other, Registry) and other.get(name) is not None:
            return (
                f', which is among the {_words(other)}s: two sections may be swapped.'
            )
    return (
        ': if it is one of your own, import its module by custom_imports, else name '
        'one of those that configs/ use.'
    )


def misspelt(name: str, known: Any) -> str:
    """A question, where a key that is there looks like one that is missing."""
    close = difflib.get_close_matches(name, [str(key) for key in known], n=1)
    return f" (is '{close[0]}' a misspelt '{name}'?)" if close else ''


def meant(name: str, known: Any) -> str:
    """A question, where a name that is not known looks like one that is."""
    close = difflib.get_close_matches(name, list(known), n=1)
    return f"; did you mean '{close[0]}'?" if close else ''


def _takes_any(part: Any) -> bool:
    return any(
        parameter.kind is parameter.VAR_KEYWORD
        for parameter in inspect.signature(part).parameters.values()
    )


def _settings(part: Any) -> tuple[set[str], list[str], bool]:
    """Names a constructor takes, those it must get, and whether it takes any.

    Where a class hands ``**kwargs`` on, its base's names count as its own; what the
    base must get it may fill in itself.
    """
    known: set[str] = set()
    required: list[str] = []
    inherited = False
    for owner in inspect.getmro(part) if inspect.isclass(part) else (part,):
        function = vars(owner).get('__init__') if inspect.isclass(owner) else owner
        if function is None:
            continue
        open_ended = False
        for parameter in inspect.signature(function).parameters.values():
            if parameter.kind is parameter.VAR_KEYWORD:
                open_ended = True
            elif parameter.kind is not parameter.VAR_POSITIONAL:
                if parameter.name == 'self':
                    continue
                known.add(parameter.name)
                if parameter.default is parameter.empty and not inherited:
                    required.append(parameter.name)
        if not open_ended:
            return known, required, False
        inherited = True
    return known, required, True
