"""Files that would run code if their pickles were trusted."""

import os
import pickle
import zipfile
from pathlib import Path
from typing import Any

import torch

KINDS = ('zip', 'legacy', 'pickle', 'data.pkl')


class Malicious:
    """Creates the file ``mark`` when it is unpickled."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return os.system, (f'touch {self.mark}',)


def write_malicious(path: Path, kind: str, mark: Path) -> Path:
    """A checkpoint that would create ``mark``.

    Args:
        path: of the checkpoint.
        kind: torch's 'zip' or 'legacy' format, a plain 'pickle', or a sound archive
            whose 'data.pkl' was replaced.
        mark: file to create.
    """
    bad: dict[str, Any] = {'state_dict': {'backbone.a': torch.zeros(1)}}
    bad |= {'meta': Malicious(mark), 'optimizer': {}, 'version': 1}
    if kind == 'pickle':
        path.write_bytes(pickle.dumps(bad))
    elif kind == 'data.pkl':
        torch.save({'state_dict': {}}, path)
        with zipfile.ZipFile(path) as archive:
            parts = {name: archive.read(name) for name in archive.namelist()}
        with zipfile.ZipFile(path, 'w') as archive:
            for name, data in parts.items():
                replaced = name.endswith('/data.pkl')
                archive.writestr(name, pickle.dumps(bad, 2) if replaced else data)
    else:
        torch.save(bad, path, _use_new_zipfile_serialization=kind == 'zip')
    return path
