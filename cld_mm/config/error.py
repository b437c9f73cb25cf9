"""ConfigError: the one exception of an invalid config, and the words it is made of."""

import difflib
from collections.abc import Iterable
from typing import Any


class ConfigError(ValueError):
    """An invalid config; the message names the setting and how to fix it."""


def shorten(value: Any, width: int = 60) -> str:
    """A value's ``repr`` in one line of at most ``width`` characters."""
    text = ' '.join(repr(value).split())
    return text if len(text) <= width else f'{text[: width - 3]}...'


def suggestion(name: str, known: Iterable[Any]) -> str:
    """``; did you mean '...'?`` for a known name that looks like ``name``, or ''."""
    close = difflib.get_close_matches(name, [str(other) for other in known], n=1)
    return f"; did you mean '{close[0]}'?" if close else ''


def misspelling(name: str, present: Iterable[Any]) -> str:
    """`` (is '...' a misspelling of it?)`` for a key like the missing one, or ''."""
    close = difflib.get_close_matches(name, [str(key) for key in present], n=1)
    return f" (is '{close[0]}' a misspelling of it?)" if close else ''
