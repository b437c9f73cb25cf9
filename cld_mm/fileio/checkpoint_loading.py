"""Where mmengine takes checkpoints from: files and https, and nothing in them runs.

mmengine 0.10 lets torch.hub unpickle what comes from an address, over http too, and
passes on torch's long message where a file holds more than tensors. Here a file that
safe loading refuses is named in one line; a download goes over https, is written
beside and renamed, and must have the SHA-256 that its name or address says.
"""

import os
import pickle
import re
import zipfile
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import torch
from mmengine.dist import get_dist_info
from torch import distributed as dist

from .digests import sha256_of
from .download import download

UNREADABLE = (RuntimeError, EOFError, KeyError, ValueError, OSError)
UNREADABLE += (AttributeError, IndexError, TypeError, zipfile.BadZipFile)  # type: ignore[assignment]
# As torch.hub and OpenMMLab name their files: resnet50-0676ba61.pth.
_IN_NAME = re.compile(r'-([0-9a-f]{8,64})\.[a-z.]+$')
_IN_FRAGMENT = re.compile(r'sha256=([0-9a-f]{64})')
_GLOBAL = re.compile(r'(?:GLOBAL|class|function|type) ([\w.]+\.[\w.]+)')


class OtherObjects(ValueError):
    """A checkpoint holds objects that are not loaded because that could run code."""


def load_safely(path: str | Path, map_location: Any = 'cpu', mmap: bool = False) -> Any:
    """A checkpoint's dict; no object in the file is executed.

    Args:
        path: a file that torch.save wrote.
        map_location: as in torch.load.
        mmap: leave tensors in the file until they are read.

    Raises:
        FileNotFoundError: there is none.
        ValueError: it holds other objects than tensors and plain values, is damaged, or
            holds no dict.
    """
    path = Path(path).expanduser()
    if not path.is_file():
        raise FileNotFoundError(f'the checkpoint {path} does not exist.')
    try:
        loaded = torch.load(
            path, map_location=map_location, weights_only=True, mmap=mmap
        )
    except pickle.UnpicklingError as error:
        found = _GLOBAL.search(str(error))
        what = f' ({found.group(1)})' if found else ''
        raise OtherObjects(
            f'{path} holds other objects than tensors and plain values{what}, which '
            'are not loaded because loading could run them: do not trust it, or '
            'convert a file of the CLD release with '
            'tools/model_converters/cld_to_cldmm.py.'
        ) from error
    except UNREADABLE as error:
        if 'out of memory' in str(error):
            raise
        reason = ' '.join(str(error).split())[:100] or type(error).__name__
        raise ValueError(
            f'{path} cannot be read as a checkpoint ({reason}): it is damaged, or no '
            'file of torch.save.'
        ) from error
    if not isinstance(loaded, dict):
        raise ValueError(
            f'{path} holds a {type(loaded).__name__}, not the dict of a checkpoint.'
        )
    return loaded


def load_from_local(filename: str, map_location: Any = None) -> Any:
    """What mmengine calls for a path."""
    return load_safely(filename, map_location)


def load_from_https(
    filename: str, map_location: Any = None, model_dir: str | None = None, **unused: Any
) -> Any:
    """What mmengine calls for an address; the file is kept for the next time.

    Args:
        filename: the address, with ``#sha256=...`` or a name as torch.hub's.
        map_location: as in torch.load.
        model_dir: where files are kept; else torch.hub's folder.
        **unused: what mmengine's own takes beside.

    Raises:
        ValueError: the address says no digest, or the file has another one.
        SourceError: it is not https, or cannot be read.
    """
    parts = urlsplit(filename)
    name = Path(parts.path).name
    said = _IN_FRAGMENT.search(parts.fragment) or _IN_NAME.search(name)
    if said is None:
        raise ValueError(
            f'{filename} says no digest to check the file by: append '
            '"#sha256=<64 hexadecimal digits>", or fetch it by hand and give its path.'
        )
    folder = Path(model_dir or os.path.join(torch.hub.get_dir(), 'checkpoints'))
    path = folder / name
    rank, world_size = get_dist_info()
    if rank == 0 and not path.is_file():
        folder.mkdir(parents=True, exist_ok=True)
        download(filename.partition('#')[0], path)
    if world_size > 1:
        dist.barrier()
    digest = sha256_of(path)
    if not digest.startswith(said.group(1)):
        raise ValueError(
            f'{path} has the SHA-256 {digest}, not {said.group(1)} as {filename} says: '
            'delete it and try again, or do not trust the address.'
        )
    return load_safely(path, map_location)


def refuse(filename: str, map_location: Any = None) -> Any:
    """Sources that unpickle anything."""
    raise ValueError(f'{filename}: fetch the checkpoint by hand and give its path.')
