"""Long texts in one line of a message."""

from typing import Any


def shorten(text: Any, length: int) -> str:
    """A text in one line, with ``...`` at its end where it has more characters."""
    line = ' '.join(str(text).split())
    return line if len(line) <= length else f'{line[: length - 3]}...'
