"""Models: algorithms and the parts they are made of."""

from . import algorithms, grouping, heads, layers, losses, memories, necks, utils

__all__ = [
    'algorithms',
    'grouping',
    'heads',
    'layers',
    'losses',
    'memories',
    'necks',
    'utils',
]
