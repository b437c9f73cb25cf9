"""A data set's length and digest: file list, labels and in-memory images."""

import hashlib
import pickle
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import torch

# What data sets keep their samples in: mmengine's serialised list first, then the
# attributes of plain lists, of torchvision's classes and of wrappers.
SOURCES = (
    'data_bytes',
    'data_address',
    'data_list',
    'samples',
    'data',
    'labels',
    'targets',
    'indices',
)


def fingerprint(dataset: Any) -> dict[str, Any]:
    """What two ranks' data sets must have in common.

    Nothing is decoded: a million images' list takes about a second. A data set that
    keeps its samples elsewhere can bring a method ``fingerprint()`` of its own, whose
    result is taken as the digest.

    Args:
        dataset: any data set with a length.

    Returns:
        ``type``, ``images`` and ``digest``.
    """
    digest = hashlib.blake2b(digest_size=8)
    for name, part in _parts(dataset, ''):
        digest.update(name.encode())
        _feed(digest, part)
    return {
        'type': type(dataset).__name__,
        'images': len(dataset),
        'digest of the files and labels': digest.hexdigest(),
    }


def _parts(dataset: Any, path: str) -> Iterator[tuple[str, Any]]:
    if hasattr(dataset, 'full_init'):
        dataset.full_init()
    own = getattr(dataset, 'fingerprint', None)
    if callable(own):
        yield f'{path}.fingerprint', own()
        return
    for name in SOURCES:
        if hasattr(dataset, name) and not callable(getattr(dataset, name)):
            yield f'{path}.{name}', getattr(dataset, name)
    inner = [dataset.dataset] if hasattr(dataset, 'dataset') else []
    for place, part in enumerate([*inner, *getattr(dataset, 'datasets', [])]):
        yield from _parts(part, f'{path}.{place}')


def _feed(digest: Any, part: Any) -> None:
    if isinstance(part, torch.Tensor):
        part = part.detach().cpu().numpy()
    if isinstance(part, np.ndarray) and part.dtype != object:
        digest.update(f'{part.dtype} {part.shape}'.encode())
        digest.update(np.ascontiguousarray(part).view(np.uint8).reshape(-1))
    elif isinstance(part, Mapping):
        for key, value in part.items():
            digest.update(repr(key).encode())
            _feed(digest, value)
    elif isinstance(part, (list, tuple)):
        digest.update(str(len(part)).encode())
        for value in part:
            _feed(digest, value)
    elif part is None or isinstance(part, (str, int, float, bool, bytes)):
        digest.update(repr(part).encode())
    else:
        digest.update(pickle.dumps(part, protocol=4))
