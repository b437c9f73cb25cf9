"""A bar for scikit-learn's t-SNE, which only prints how far it is."""

import io
import re
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout

from tqdm import tqdm

SECONDS = 3  # before a bar is shown
_ITERATION = re.compile(r'Iteration (\d+)')


class _Reader(io.TextIOBase):
    """Takes what t-SNE prints, and moves the bar to the iteration it names."""

    def __init__(self, bar: tqdm) -> None:
        self.bar = bar

    def write(self, text: str) -> int:
        found = _ITERATION.search(text)
        if found:
            self.bar.update(int(found[1]) - self.bar.n)
        return len(text)


@contextmanager
def printed_progress(name: str, total: int) -> Iterator[None]:
    """Turn printed iterations into a bar, shown if they take more than some seconds.

    Args:
        name: of the work.
        total: iterations of it.
    """
    with (
        tqdm(
            total=total, desc=name, unit='iteration', leave=False, delay=SECONDS
        ) as bar,
        redirect_stdout(_Reader(bar)),
    ):
        yield
