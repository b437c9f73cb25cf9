"""YAML and pickle files, read by mmengine, build nothing but plain values.

mmengine 0.10 reads ``.yaml`` with PyYAML's unsafe loader and ``.pkl`` with pickle, and
both run what a file says: annotation files and config dumps come from others.
"""

import pickle
from typing import IO, Any

import numpy as np
import yaml
from mmengine.fileio.handlers.pickle_handler import PickleHandler
from mmengine.fileio.handlers.yaml_handler import YamlHandler


class PlainLoader(yaml.SafeLoader):
    """YAML's safe loader, which also knows the tuples of a dump, as lists."""


PlainLoader.add_constructor(
    'tag:yaml.org,2002:python/tuple',
    lambda loader, node: loader.construct_sequence(node, deep=True),
)


class PlainUnpickler(pickle.Unpickler):
    """An unpickler that knows numpy's arrays and numbers beside plain values."""

    def find_class(self, module: str, name: str) -> Any:
        """numpy's own builders.

        Raises:
            UnpicklingError: anything else is asked for.
        """
        builders = {'_reconstruct': 'multiarray', 'scalar': 'multiarray'}
        builders |= {'_frombuffer': 'numeric'}
        if name in builders and module.startswith(('numpy.core.', 'numpy._core.')):
            core = np._core if hasattr(np, '_core') else np.core  # type: ignore[attr-defined]
            return getattr(getattr(core, builders[name]), name)
        if module == 'numpy' and name in ('ndarray', 'dtype'):
            return getattr(np, name)
        raise pickle.UnpicklingError(
            f'a pickle file asks for {module}.{name}, and only numbers, texts, lists, '
            'dicts and numpy arrays are loaded from one: write it as JSON.'
        )


class PlainYamlHandler(YamlHandler):
    """Reads YAML files with :class:`PlainLoader`."""

    def load_from_fileobj(self, file: IO, **kwargs: Any) -> Any:
        """Plain values from an open file."""
        return super().load_from_fileobj(file, **{'Loader': PlainLoader, **kwargs})


class PlainPickleHandler(PickleHandler):
    """Reads pickle files with :class:`PlainUnpickler`."""

    def load_from_fileobj(self, file: IO, **kwargs: Any) -> Any:
        """Plain values and NumPy arrays from an open file."""
        return PlainUnpickler(file, **kwargs).load()
