"""Counts on a benchmark's command line, with their limits."""

import argparse
from collections.abc import Callable

SPREAD = 2  # runs that quartiles take at least


def at_least(limit: int) -> Callable[[str], int]:
    """A ``type`` for argparse: whole numbers from ``limit`` on.

    Args:
        limit: the smallest one.
    """

    def count(text: str) -> int:
        try:
            number = int(text)
        except ValueError:
            number = limit - 1
        if number < limit:
            raise argparse.ArgumentTypeError(
                f'it is {text}: give a whole number from {limit} on.'
            )
        return number

    return count
