"""Read the tensors of a checkpoint that holds arbitrary objects, running none.

A checkpoint of the CLD release pickles its optimizer and its command line's Namespace
beside the weights, so torch's safe loading refuses it whole. Here every class outside
torch's own tensor machinery becomes an inert stand-in that keeps what it is given.
"""

import pickle
from collections import OrderedDict
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from .checkpoint_loading import UNREADABLE as TORCH_UNREADABLE

# What torch raises for damaged files, and for stand-ins in a tensor's place.
UNREADABLE = (pickle.UnpicklingError, *TORCH_UNREADABLE)

_TENSOR_BUILDERS = ('_rebuild_tensor', '_rebuild_tensor_v2', '_rebuild_parameter')
_ALLOWED: dict[tuple[str, str], Any] = {
    ('collections', 'OrderedDict'): OrderedDict,
    ('torch', 'Size'): torch.Size,
    ('torch', 'Tensor'): Tensor,
    ('torch', 'device'): torch.device,
    **{
        ('torch._utils', name): getattr(torch._utils, name) for name in _TENSOR_BUILDERS
    },
}


class Inert:
    """Replaces an object of a class that is not loaded.

    Attributes:
        inert_name: the class's full name in the file.
        state: what the file would have set, untouched.
    """

    inert_name = ''

    def __new__(cls, *args: Any, **kwargs: Any) -> 'Inert':
        self = super().__new__(cls)
        self.state = None
        return self

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        # Whatever it is called with is of no use here.
        super().__init__()

    def __setstate__(self, state: Any) -> None:
        self.state = state

    def __setitem__(self, key: Any, value: Any) -> None:
        """Swallow an item of what the file says is a mapping."""

    def append(self, value: Any) -> None:
        """Swallow an item of what the file says is a list."""

    def extend(self, values: Any) -> None:
        """Swallow items of what the file says is a list."""


class Unpickler(pickle.Unpickler):
    """An unpickler that knows tensors and plain containers, nothing else."""

    def find_class(self, module: str, name: str) -> Any:
        """The allowed object of that name, or a stand-in class."""
        if (module, name) in _ALLOWED:
            return _ALLOWED[module, name]
        if module == 'torch' and isinstance(getattr(torch, name, None), torch.dtype):
            return getattr(torch, name)
        return type(name, (Inert,), {'inert_name': f'{module}.{name}'})


def load(file: Any, **kwargs: Any) -> Any:
    """What torch calls for the parts of files in its older format."""
    return Unpickler(file, **kwargs).load()


# torch asks a pickle module for its name.
__name__ = 'cld_mm.fileio.inert_pickle'


def load_tensors(path: str | Path) -> Any:
    """Load a checkpoint; objects of unknown classes come as :class:`Inert`.

    Args:
        path: a file written by torch.save, in the new or the old format.

    Raises:
        FileNotFoundError: there is none.
        ValueError: it is no checkpoint of torch's.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f'the checkpoint {path} does not exist.')
    import sys

    try:
        return torch.load(
            path,
            map_location='cpu',
            pickle_module=sys.modules[__name__],
            weights_only=False,  # the unpickler above is the safe one
        )
    except UNREADABLE as error:
        raise ValueError(
            f'{path} cannot be read as a checkpoint of torch ({error}): it may be cut '
            'short; fetch it again.'
        ) from error


def buffer_of(module: Any, name: str) -> Tensor | None:
    """A buffer of a pickled torch module that came as a stand-in, if it has it."""
    if isinstance(module, torch.nn.Module):
        return dict(module.named_buffers()).get(name)
    state = module.state if isinstance(module, Inert) else module
    if not isinstance(state, dict):
        return None
    buffers = state.get('_buffers') or {}
    for found in (buffers.get(name), state.get(name), state.get(f'module.{name}')):
        if isinstance(found, Tensor):
            return found
    return None
