"""NPID's memory as the module object that the release pickles.

Its training script resumes from ``checkpoint['lemniscate']`` itself, so a state dict in
its place would not do. The class is the release's; it exists here only while a file is
written, and pickle stores no more of it than its name.
"""

import sys
import types
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

LINEAR_AVERAGE = 'lib.LinearAverage.LinearAverage'
RECIPE = (0.1, 0.5)  # temperature and bank momentum of the CIFAR recipes


def linear_average(
    memory: Tensor, params: Tensor | None = None, name: str = LINEAR_AVERAGE
) -> nn.Module:
    """The release's module with these buffers.

    Args:
        memory: ``(n, C)``.
        params: temperature and momentum; by default the recipes'.
        name: full name of its class.
    """
    module, _, last = name.rpartition('.')
    made = type(last, (nn.Module,), {'__module__': module})()
    made.register_buffer('params', torch.tensor(RECIPE) if params is None else params)
    made.register_buffer('memory', memory)
    made.nLem = len(memory)
    return made


@contextmanager
def importable(found: object) -> Iterator[None]:
    """Let pickle find the class of such a module, for as long as a file is written."""
    kind = type(found)
    if not isinstance(found, nn.Module) or kind.__module__ in sys.modules:
        yield
        return
    parts = kind.__module__.split('.')
    names = ['.'.join(parts[: count + 1]) for count in range(len(parts))]
    added = [name for name in names if name not in sys.modules]
    sys.modules.update({name: types.ModuleType(name) for name in added})
    setattr(sys.modules[kind.__module__], kind.__name__, kind)
    try:
        yield
    finally:
        for name in added:
            del sys.modules[name]
