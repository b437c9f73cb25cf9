"""Whether a config's value can be what a constructor's annotation or default says."""

import inspect
import types
import typing
from collections.abc import Mapping, Sequence, Set
from typing import Any


def misfit(function: Any, key: str, value: Any) -> str | None:
    """What a setting should be, in words, where the value cannot be it.

    Args:
        function: class or function that takes the setting.
        key: the setting.
        value: what the config gives; a dict or a string may stand for a part to be
            built, so they pass where an object is wanted.

    Returns:
        The annotation, or the default's type; None where the value fits or nothing
        is known.
    """
    owner, parameter = _parameter(function, key)
    if parameter is None or value is parameter.default:
        return None
    if parameter.annotation is not inspect.Parameter.empty:
        try:
            # This one alone: others may name what is not imported.
            alone = types.SimpleNamespace(__annotations__={key: parameter.annotation})
            names = getattr(inspect.unwrap(owner), '__globals__', {})
            hint = typing.get_type_hints(alone, names)[key]
        except Exception:  # an annotation that is no type, or a name not importable
            return None
        return None if accepts(hint, value) else _words(hint)
    return _unlike_default(parameter.default, value)


def accepts(hint: Any, value: Any) -> bool:
    """Whether the value can be of this type; True where that is not known."""
    origin, inner = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        return any(accepts(part, value) for part in inner)
    if origin is typing.Literal:
        return value in inner
    if origin is typing.Annotated:
        return accepts(inner[0], value)
    kind = origin or hint
    if kind in (None, type(None)):
        return value is None
    if kind is bool:
        return isinstance(value, bool)
    if kind in (int, float):
        wanted = int if kind is int else (int, float)
        return isinstance(value, wanted) and not isinstance(value, bool)
    if kind is str:
        return isinstance(value, str)
    if not isinstance(kind, type):
        return True
    if issubclass(kind, Mapping):
        return isinstance(value, Mapping)
    if issubclass(kind, (Sequence, Set)):
        return _accepts_items(kind, inner, value)
    if isinstance(value, kind):
        return True
    # An object of a class: built from a dict or a name, else the object itself.
    return value is not None and not isinstance(value, (bool, int, float))


def _accepts_items(kind: type, inner: tuple, value: Any) -> bool:
    if isinstance(value, str):
        return isinstance(value, kind) and kind not in (list, tuple, set)
    if not isinstance(value, (list, tuple, set, kind)):
        return False
    items = list(value)  # type: ignore[call-overload]
    # Tuple[int] is often written where any number of them is meant.
    if kind is tuple and len(inner) > 1 and Ellipsis not in inner:
        return len(inner) == len(items) and all(
            accepts(*pair) for pair in zip(inner, items, strict=True)
        )
    return not inner or all(accepts(inner[0], item) for item in items)


def _unlike_default(default: Any, value: Any) -> str | None:
    """Without an annotation only what is plainly another kind of thing is told."""
    if isinstance(default, bool):
        fits = isinstance(value, (bool, int)) or value is None
        return None if fits else 'bool'
    if isinstance(default, (int, float)):
        return 'a number' if isinstance(value, (str, Mapping, bool)) else None
    if isinstance(default, str):
        return None if isinstance(value, (str, Mapping)) or value is None else 'str'
    return None


def _parameter(function: Any, key: str) -> tuple[Any, inspect.Parameter | None]:
    """The nearest function in the class's line that takes the setting by name."""
    for owner in inspect.getmro(function) if inspect.isclass(function) else (function,):
        found = vars(owner).get('__init__') if inspect.isclass(owner) else owner
        if found is None:
            continue
        try:
            parameters = inspect.signature(found).parameters
        except (TypeError, ValueError):
            return None, None
        if key in parameters:
            return found, parameters[key]
        if not any(p.kind is p.VAR_KEYWORD for p in parameters.values()):
            break
    return None, None


def _words(hint: Any) -> str:
    text = getattr(hint, '__name__', '') if isinstance(hint, type) else ''
    if typing.get_args(hint) or not text:
        text = str(hint).replace('typing.', '').replace('collections.abc.', '')
    return text
