"""What a constructor takes: names, required ones, and the types of their values."""

import functools
import inspect
import types
import typing
from collections.abc import Mapping, Sequence, Set
from typing import Any, NamedTuple


class Signature(NamedTuple):
    """The settings of a class or function.

    Attributes:
        parameters: by name; each with the function that declares it.
        required: names without a default.
        takes_any: whether any other name is taken too.
        passes_on: whether other names go elsewhere, to a base class at best.
    """

    parameters: dict[str, tuple[Any, inspect.Parameter]]
    required: list[str]
    takes_any: bool
    passes_on: bool


@functools.cache
def signature_of(part: Any) -> Signature:
    """The settings of a class or function, those of its bases included.

    Where a class passes ``**kwargs`` on, its base's names count as its own; what the
    base requires, the class may fill in itself. One that passes them to another class
    names that class as ``passes_settings_to``.
    """
    parameters: dict[str, tuple[Any, inspect.Parameter]] = {}
    required: list[str] = []
    passes_on = False
    owners = inspect.getmro(part) if inspect.isclass(part) else (part,)
    if hasattr(part, 'passes_settings_to'):
        owners = (part, part.passes_settings_to)
    for owner in owners:
        function = vars(owner).get('__init__') if inspect.isclass(owner) else owner
        if function is None:
            continue
        try:
            own = dict(inspect.signature(function).parameters)
        except (TypeError, ValueError):  # builtins may have no signature
            break
        own.pop('self', None)
        inherited = bool(parameters)
        takes_any = False
        for name, parameter in own.items():
            if parameter.kind is parameter.VAR_KEYWORD:
                takes_any = True
            elif parameter.kind is not parameter.VAR_POSITIONAL:
                parameters.setdefault(name, (function, parameter))
                if parameter.default is parameter.empty and not inherited:
                    required.append(name)
        if not takes_any:
            return Signature(parameters, required, False, passes_on)
        passes_on = True
    return Signature(parameters, required, True, True)


def wanted_type(part: Any, key: str, value: Any) -> str | None:
    """What a setting has to be, in words, where the value cannot be it.

    Args:
        part: class or function that takes the setting.
        key: the setting.
        value: what the config gives; a dict or a string may stand for a part to be
            built, so they pass where an object is wanted.

    Returns:
        The annotation, or the default's type; None where the value fits or nothing
        is known.
    """
    known = signature_of(part).parameters
    if key not in known:
        return None
    function, parameter = known[key]
    if value is parameter.default:
        return None
    if parameter.annotation is inspect.Parameter.empty:
        return _unlike_default(parameter.default, value)
    # This annotation alone: others may name what is not imported.
    alone = types.SimpleNamespace(__annotations__={key: parameter.annotation})
    names = getattr(inspect.unwrap(function), '__globals__', {})
    try:
        hint = typing.get_type_hints(alone, names)[key]
    except Exception:  # an annotation that is no type, or a name not importable
        return None
    return None if accepts(hint, value) else _words(hint)


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
    if kind in (int, float):
        wanted = int if kind is int else (int, float)
        return isinstance(value, wanted) and not isinstance(value, bool)
    if kind in (str, bool):
        return isinstance(value, kind)
    if not isinstance(kind, type):
        return True
    if issubclass(kind, Mapping):
        return isinstance(value, Mapping)
    if issubclass(kind, (Sequence, Set)):
        return _accepts_items(kind, inner, value)
    # An object of a class: built from a dict or a name, else the object itself.
    built = value is not None and not isinstance(value, (bool, int, float))
    return built or isinstance(value, kind)


def _accepts_items(kind: type, inner: tuple, value: Any) -> bool:
    if isinstance(value, str):
        return isinstance(value, kind) and kind not in (list, tuple, set)
    if not isinstance(value, (list, tuple, set, kind)):
        return False
    items = list(value)  # type: ignore[call-overload]
    # Tuple[int] is often written where any number of them is meant.
    if kind is tuple and len(inner) > 1 and Ellipsis not in inner:
        return len(inner) == len(items) and all(map(accepts, inner, items))
    return not inner or all(accepts(inner[0], item) for item in items)


def _unlike_default(default: Any, value: Any) -> str | None:
    """Without an annotation only what is plainly of another kind is refused."""
    if isinstance(default, bool):
        fits = isinstance(value, (bool, int)) or value is None
        return None if fits else 'bool'
    if isinstance(default, (int, float)):
        return 'a number' if isinstance(value, (str, Mapping, bool)) else None
    if isinstance(default, str):
        return None if isinstance(value, (str, Mapping)) or value is None else 'str'
    return None


def _words(hint: Any) -> str:
    if isinstance(hint, type) and not typing.get_args(hint):
        return hint.__name__
    return str(hint).replace('typing.', '').replace('collections.abc.', '')
