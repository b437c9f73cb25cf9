"""Values that JSON can hold: it knows neither NaN nor infinity."""

import math
from collections.abc import Mapping
from typing import Any


def replace_non_finite(value: Any, as_text: bool = False) -> Any:
    """The same with None, or "NaN" and "Infinity", for numbers that are not finite.

    Args:
        value: numbers and texts in nested dicts and lists.
        as_text: write what they are; else None.
    """
    if isinstance(value, Mapping):
        return {str(k): replace_non_finite(v, as_text) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [replace_non_finite(item, as_text) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        if not as_text:
            return None
        return 'NaN' if math.isnan(value) else f'{"-" * (value < 0)}Infinity'
    return value
