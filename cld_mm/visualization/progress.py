"""A progress bar for scikit-learn's t-SNE, which only prints its iterations."""

import io
import re
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout

from tqdm import tqdm

SECONDS = 3  # before the bar is shown
_ITERATION = re.compile(r'Iteration (\d+)')


class _Reader(io.TextIOBase):
    """Moves the bar to the iteration that t-SNE prints."""

    def __init__(self, bar: tqdm) -> None:
        self.bar = bar

    def write(self, text: str) -> int:
        found = _ITERATION.search(text)
        if found:
            self.bar.update(int(found[1]) - self.bar.n)
        return len(text)


@contextmanager
def printed_progress(name: str, total: int) -> Iterator[None]:
    """Turn printed iterations into a bar, shown after a few seconds.

    Args:
        name: shown before the bar.
        total: number of iterations.
    """
    with (
        tqdm(
            total=total, desc=name, unit='iteration', leave=False, delay=SECONDS
        ) as bar,
        redirect_stdout(_Reader(bar)),
    ):
        yield
