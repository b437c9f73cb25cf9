"""Parts of your own; a config imports this package by ``custom_imports``."""

from . import algorithm, dataset, grouping, memory, metric, neck  # noqa: F401
