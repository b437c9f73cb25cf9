"""Models: algorithms and the parts they are made of."""

from . import (
    algorithms,
    data_preprocessors,
    grouping,
    heads,
    layers,
    losses,
    memories,
    necks,
    utils,
)

__all__ = [
    'algorithms',
    'data_preprocessors',
    'grouping',
    'heads',
    'layers',
    'losses',
    'memories',
    'necks',
    'utils',
]
