"""A dataset's length and digests of file list, labels, images and some files."""

import hashlib
import pickle
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import torch

from cld_mm.datasets.shard_index import read_member
from cld_mm.fileio.image_decoding import read_file

READ = 16  # files
# Where datasets keep their samples: mmengine's serialized list first, then the
# attributes of plain lists, of torchvision's classes and of wrappers.
SOURCES = 'data_bytes data_address data_list samples data labels targets indices'


def fingerprint(dataset: Any) -> dict[str, Any]:
    """What the datasets of two ranks must have in common.

    Nothing is decoded: the list of a million images takes about a second. A few files
    are read, which finds a copy of the data in another size. A dataset that keeps its
    samples elsewhere can have a method ``fingerprint()``, whose result is hashed.

    Args:
        dataset: any dataset with a length.

    Returns:
        ``type``, ``images`` and two digests.
    """
    digest = hashlib.blake2b(digest_size=8)
    for name, part in _parts(dataset, ''):
        digest.update(name.encode())
        _feed(digest, part)
    return {
        'type': type(dataset).__name__,
        'images': len(dataset),
        'digest of the files and labels': digest.hexdigest(),
        f'digest of {READ} files': _digest_of_some(dataset),
    }


def _digest_of_some(dataset: Any) -> str:
    """Digest of the bytes of some images, evenly spread."""
    digest = hashlib.blake2b(digest_size=8)
    images = len(dataset) if hasattr(dataset, 'get_data_info') else 0
    for index in {images * number // READ for number in range(READ if images else 0)}:
        record = dataset.get_data_info(index)
        path = str(record.get('img_path', ''))
        try:
            if 'shard' in record:
                _feed(digest, read_member(record['shard'], *record['place']))
            elif path and '://' not in path:
                _feed(digest, read_file(path))
            else:
                _feed(digest, record.get('img'))
        except OSError as error:  # the other ranks may have it
            digest.update(type(error).__name__.encode())
    return digest.hexdigest()


def _parts(dataset: Any, path: str) -> Iterator[tuple[str, Any]]:
    if hasattr(dataset, 'full_init'):
        dataset.full_init()
    own = getattr(dataset, 'fingerprint', None)
    if callable(own):
        yield f'{path}.fingerprint', own()
        return
    for name in SOURCES.split():
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
