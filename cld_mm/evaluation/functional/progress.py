"""A bar for what takes more than two seconds, on rank 0's terminal."""

from collections.abc import Iterable, Iterator
from typing import Any

from mmengine.dist import is_main_process
from tqdm import tqdm


def progress(steps: Iterable[Any], name: str, unit: str) -> Iterator[Any]:
    """The steps, with a bar that is gone when they are done."""
    quiet = None if is_main_process() else True  # None: where there is no terminal
    return tqdm(steps, name, unit=unit, leave=False, delay=2, disable=quiet)
