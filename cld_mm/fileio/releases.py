"""Released models by name: a folder or web address with an ``index.json``.

The index maps a name to its file, SHA-256, config and measured accuracy. The folder
``releases/`` of this project is used unless ``CLD_MM_RELEASES`` names another one or
an https address.
"""

import json
import os
from pathlib import Path
from typing import Any

from .digests import sha256_of
from .download import SourceError, download

PACKAGE = Path(__file__).resolve().parents[1]


def releases() -> str:
    """Where released models are: a folder or an address."""
    installed = PACKAGE / '.mim/releases'
    own = installed if installed.is_dir() else PACKAGE.parent / 'releases'
    return os.environ.get('CLD_MM_RELEASES') or str(own)


def release_index(source: str | None = None) -> dict[str, dict[str, Any]]:
    """What is released, by name; empty without an index.

    Args:
        source: a folder or an address; by default :func:`releases`.

    Raises:
        SourceError: the address cannot be read.
    """
    source = source or releases()
    path = Path(source) / 'index.json'
    if _is_address(source):
        path = _cache() / 'index.json'
        download(f'{source.rstrip("/")}/index.json', path)
    return json.loads(path.read_text()) if path.is_file() else {}


def released_checkpoint(name: str, source: str | None = None) -> Path | None:
    """The checkpoint of a released model, downloaded if need be; None if unknown.

    Args:
        name: of the model, such as 'npid-cld-r18-cifar10-small'.
        source: as in :func:`release_index`.

    Raises:
        SourceError: it cannot be downloaded, or its digest is not the index's.
    """
    source = source or releases()
    found = release_index(source).get(name)
    if found is None:
        return None
    file, digest = Path(found['file']).name, found['sha256']
    path = (_cache() if _is_address(source) else Path(source)) / file
    if path.is_file() and sha256_of(path) == digest:
        return path
    if not _is_address(source):
        raise SourceError(f'{path} is missing or damaged: its SHA-256 is not {digest}.')
    download(f'{source.rstrip("/")}/{file}', path, f'sha256:{digest}')
    return path


def _is_address(source: str) -> bool:
    return '://' in source


def _cache() -> Path:
    import pooch

    folder = Path(pooch.os_cache('cld_mm'))
    folder.mkdir(parents=True, exist_ok=True)
    return folder
