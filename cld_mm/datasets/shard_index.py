"""Positions of samples in tar shards of webdataset's layout.

A sample is the members that share a name up to its first dot, as the webdataset
library groups them: an image, and its class number in ``.cls`` if it has one. Members
are located by their headers and never unpacked to disk.
"""

import hashlib
import json
import os
import re
import tarfile
from collections.abc import Iterator
from fnmatch import fnmatch
from functools import lru_cache
from pathlib import Path
from types import ModuleType
from typing import Any, BinaryIO, NamedTuple

from cld_mm.fileio.image_decoding import BrokenImage

INDEX = 'index.json'
_METADATA = re.compile(r'__[^/]*__($|/)')  # webdataset skips these too
IMAGES = ('jpg', 'jpeg', 'png', 'webp', 'bmp', 'tif', 'tiff', 'gif', 'ppm', 'img')


class Member(NamedTuple):
    """An image inside a shard: its name there, place and size in bytes, and class."""

    name: str
    offset: int
    size: int
    label: int | None


class Shard(NamedTuple):
    """A tar file; ``digest`` is its SHA-256, empty where none was computed."""

    name: str
    size: int
    digest: str
    members: list[Member]


def webdataset_library() -> ModuleType:
    """The webdataset library.

    Raises:
        ImportError: it is not installed.
    """
    try:
        import webdataset
    except ImportError as error:
        raise ImportError(
            'tar shards without an index.json need webdataset, which is not '
            "installed: run pip install 'cld_mm[shards]'."
        ) from error
    return webdataset


def digest_of(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal digits."""
    digest = hashlib.sha256()
    with path.open('rb') as file:
        while block := file.read(2**20):
            digest.update(block)
    return digest.hexdigest()


def scan_shard(path: Path, digest: bool = False) -> Shard:
    """Locate a shard's samples by its headers, in the shard's order.

    Raises:
        ValueError: it is cut short or no tar file, a sample has no image or several,
            a class is no number, or a name occurs twice.
        ImportError: webdataset is not installed.
    """
    group = webdataset_library().tariterators.group_by_keys
    members = []
    for sample in group(_located(path)):
        images = [kind for kind in IMAGES if kind in sample]
        if len(images) != 1:
            raise ValueError(
                f'{path}: the sample {sample["__key__"]} has {len(images)} images, '
                f'not one of {", ".join(IMAGES)}: fix the shard.'
            )
        offset, size, _ = sample[images[0]]
        label = sample.get('cls', (0, 0, None))[2]
        name = f'{sample["__key__"]}.{images[0]}'
        members.append(Member(name, offset, size, label))
    if not members:
        raise ValueError(f'{path} holds no sample: remove it, or create it again.')
    size = path.stat().st_size
    return Shard(path.name, size, digest_of(path) if digest else '', members)


def _located(path: Path) -> Iterator[dict[str, Any]]:
    size, last = path.stat().st_size, '(none)'
    split = webdataset_library().tariterators.base_plus_ext
    sample: str | None = None
    kinds: set[str | None] = set()
    try:
        with tarfile.open(path, 'r:') as tar, path.open('rb') as file:
            for info in tar:
                last = info.name
                if info.offset_data + info.size > size:
                    raise tarfile.ReadError('the shard ends inside it')
                if not info.isreg() or _METADATA.match(info.name):
                    continue
                if info.issparse():
                    raise tarfile.ReadError('it is a sparse file')
                name, kind = split(info.name)
                if name != sample:
                    sample, kinds = name, set()
                if kind is not None and kind.lower() in kinds:
                    raise tarfile.ReadError('its name occurs twice')
                kinds.add(kind and kind.lower())
                label = None
                if info.name.lower().endswith('.cls'):
                    file.seek(info.offset_data)
                    label = int(file.read(info.size))
                place = (info.offset_data, info.size, label)
                yield {'fname': info.name, 'data': place, '__url__': str(path)}
            # tarfile stops without an error at a damaged header.
            file.seek(tar.offset)
            if file.read(512) != bytes(512):
                raise tarfile.ReadError(
                    'no member and no end-of-archive marker follow it'
                )
            # Readers of tar files ignore what follows the end, as after `cat a b`.
            while block := file.read(2**20):
                if block.strip(b'\0'):
                    raise tarfile.ReadError(
                        'data after the end-of-archive marker (concatenated archives?)'
                    )
    except (tarfile.TarError, ValueError) as error:
        raise ValueError(
            f'the shard {path} is damaged at its member {last} ({error}): create or '
            'download it again.'
        ) from error


def write_index(root: Path, shards: list[Shard], classes: list[str] | None) -> None:
    """Write ``index.json`` into the shards' folder, as a whole or not at all."""
    part = root / f'{INDEX}.part'
    part.write_text(
        json.dumps(
            {
                'classes': classes,
                'shards': [
                    {**shard._asdict(), 'samples': len(shard.members)}
                    for shard in shards
                ],
            }
        )
    )
    part.rename(root / INDEX)


def read_index(
    root: Path, pattern: str = '*.tar'
) -> tuple[list[Shard], list[str] | None]:
    """The shards of a folder, by ``index.json`` or else by their headers; classes.

    Args:
        root: the folder.
        pattern: of the shards' names.

    Raises:
        ValueError: the index and the files differ, or a shard is broken.
        FileNotFoundError: there is no shard.
    """
    files = sorted(root.glob(pattern))
    if not files:
        raise FileNotFoundError(
            f'{root} holds no shard {pattern}: make them by '
            'tools/dataset_converters/to_shards.py, or fix data_root.'
        )
    for path in files:
        if not path.is_file():
            raise ValueError(
                f'{path} is a folder, pipe or device, or a link to nowhere, not a '
                'shard: remove it, or fix the link.'
            )
    if not (root / INDEX).is_file():
        return [scan_shard(path) for path in files], None
    try:
        found = json.loads((root / INDEX).read_text())
        shards = [
            Shard(
                entry['name'],
                entry['size'],
                entry['digest'],
                [_member(*values) for values in entry['members']],
            )
            for entry in found['shards']
            if fnmatch(entry['name'], pattern)
        ]
        classes = found['classes']
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        reason = f'{type(error).__name__}: {error}'
        raise ValueError(
            f'{root / INDEX} is damaged ({reason}): download or create it again.'
        ) from error
    differing = {path.name for path in files} ^ {shard.name for shard in shards}
    if differing:
        raise ValueError(
            f'{root / INDEX} and the folder differ in {sorted(differing)[0]}: fetch '
            'what is missing, or remove the index to have the shards scanned.'
        )
    for shard in shards:
        size = (root / shard.name).stat().st_size
        if size != shard.size:
            cut = [m.name for m in shard.members if m.offset + m.size > size]
            where = f', its member {cut[0]} is cut' if cut else ''
            raise ValueError(
                f'the shard {root / shard.name} has {size} bytes, not {shard.size} as '
                f'its index says{where}: create or download it again.'
            )
    return shards, classes


def _member(name: str, offset: int, size: int, label: int | None) -> Member:
    numbers = (offset, size, 0 if label is None else label)
    if not isinstance(name, str) or any(type(number) is not int for number in numbers):
        raise TypeError(f'{[name, offset, size, label]} is no member')
    return Member(name, offset, size, label)


def verify(root: Path) -> int:
    """Compare every shard's digest with its index; how many shards there are.

    Raises:
        ValueError: one differs, or there is no index.
    """
    if not (root / INDEX).is_file():
        raise ValueError(f'{root} has no {INDEX} to verify by: make one by --index.')
    shards, _ = read_index(root)
    for shard in shards:
        if digest_of(root / shard.name) != shard.digest:
            raise ValueError(
                f'the shard {root / shard.name} is not what its index says (SHA-256): '
                'create or download it again.'
            )
    return len(shards)


def read_member(shard: str, offset: int, size: int) -> bytes:
    """Bytes of a shard; forked processes may share the open file.

    Raises:
        BrokenImage: the shard ends before.
    """
    data = os.pread(_opened(shard).fileno(), size, offset)
    if len(data) < size:
        raise BrokenImage(f'the shard ends {size - len(data)} bytes before its end')
    return data


@lru_cache(maxsize=16)
def _opened(shard: str) -> BinaryIO:
    return open(shard, 'rb')
