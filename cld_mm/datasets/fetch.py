"""Fetch Fashion-MNIST's four files, or digits in their layout.

Sources in order: Debian's package ``dataset-fashion-mnist`` (31 MB, MIT licence),
the authors' download, scikit-learn's digits where neither can be had.
"""

import gzip
import hashlib
import os
import re
import shutil
import struct
import subprocess
import urllib.request
from collections.abc import Callable, Iterator
from http.client import HTTPException
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np

FASHION_MNIST_URL = (
    'https://github.com/zalandoresearch/fashion-mnist/raw/master/data/fashion/'
)
DEBIAN_FOLDER = Path('/usr/share/datasets/fashion-mnist')
# MD5 of the compressed files, as their authors publish them.
FILES = {
    'train-images-idx3-ubyte': '8d4fb7e6c68d591d4c3dfef9ec88bf0d',
    'train-labels-idx1-ubyte': '25c81989df183df01b3e8a0aad5dffbe',
    't10k-images-idx3-ubyte': 'bef4ecab320f06d8554ea6380940ec79',
    't10k-labels-idx1-ubyte': 'bb300cfdad3c16e7a12a480ee83cd310',
}


class SourceError(OSError):
    """A source cannot give the data; the message says why."""


class _HttpsOnly(urllib.request.HTTPRedirectHandler):
    """Follows a redirect only to where :func:`open_url` would go itself."""

    def redirect_request(self, req, fp, code, msg, headers, newurl):
        """The next request; an error where it would leave https."""
        _need_https(newurl)
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _need_https(url: str) -> None:
    place = urlsplit(url)
    # The host as it is called: "http://localhost:1@elsewhere/" is no address of ours.
    host = re.fullmatch(r'(127\.0\.0\.1|localhost)(:\d+)?', place.netloc)
    if not (place.scheme == 'https' and place.hostname) and not (
        place.scheme == 'http' and host
    ):
        raise SourceError(f'{url} is not https')


def open_url(url: str, timeout: float) -> Any:
    """Open an https address (or one of this machine), also after redirects.

    Raises:
        SourceError: the address or a redirect is not https.
        OSError: it cannot be read.
    """
    _need_https(url)
    return urllib.request.build_opener(_HttpsOnly).open(url, timeout=timeout)


def read_url(url: str, timeout: float) -> Iterator[bytes]:
    """The blocks of a file at an address; an error where it is cut off.

    urllib ends in silence where the connection does.

    Raises:
        SourceError: the file is not whole, the answer is not HTTP's, or the address or
            a redirect is not https.
        OSError: it cannot be read.
    """
    read = 0
    try:
        with open_url(url, timeout) as answer:
            whole = answer.length  # as its header says; None without one
            while block := answer.read(2**20):
                read += len(block)
                yield block
    except HTTPException as error:
        raise SourceError(
            f'the answer breaks off after {read} bytes or is not HTTP '
            f'({type(error).__name__})'
        ) from error
    if whole is not None and read < whole:
        raise SourceError(f'it ended after {read} of {whole} bytes')


def fetch(out: Path, source: str = 'auto', url: str = FASHION_MNIST_URL) -> str:
    """Put the four uncompressed files into ``out``; keep them if they are there.

    Args:
        out: target folder, made if need be.
        source: 'auto' or one of :data:`SOURCES`.
        url: where the download's ``.gz`` files lie.

    Returns:
        One sentence that says where the data came from.

    Raises:
        SourceError: no source could give them.
    """
    if all((out / name).is_file() for name in FILES):
        return f'Data: {origin(out)} is in {out} already.'
    reasons = []
    for name in SOURCES if source == 'auto' else (source,):
        try:
            found = SOURCES[name](out, url)
        except (OSError, subprocess.SubprocessError) as error:
            reasons.append(f'{name}: {error}')
            continue
        _write(out / 'SOURCE', found.encode())
        notes = f' ({"; ".join(reasons)})' if reasons else ''
        return f'Data: {found}, now in {out}{notes}.'
    raise SourceError(
        f'Fashion-MNIST could not be had: {"; ".join(reasons)}. Put its '
        f'four files, uncompressed, into {out}.'
    )


def origin(out: Path) -> str:
    """Where the files in ``out`` came from, in a few words."""
    note = out / 'SOURCE'
    return note.read_text() if note.is_file() else 'Fashion-MNIST'


def _write(path: Path, content: bytes) -> None:
    """Write beside and rename: a file is whole or not there."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(path.name + '.part')
    partial.write_bytes(content)
    os.replace(partial, path)


def _unpack(out: Path, read: Callable[[str], bytes]) -> None:
    for name, digest in FILES.items():
        content = read(name + '.gz')
        found = hashlib.md5(content, usedforsecurity=False).hexdigest()
        if found != digest:
            raise SourceError(f'{name}.gz has the MD5 sum {found}, not {digest}')
        _write(out / name, gzip.decompress(content))


def _from_debian(out: Path, url: str) -> str:
    if not DEBIAN_FOLDER.is_dir():
        if shutil.which('apt-get') is None:
            raise SourceError('no apt-get here')
        if os.geteuid() != 0:
            raise SourceError(
                'apt-get needs root; "sudo apt-get install dataset-fashion-mnist" '
                'would install it'
            )
        print("Installing Debian's package dataset-fashion-mnist (31 MB) ...")
        for words in (
            ['update', '-q'],
            ['install', '-q', '-y', 'dataset-fashion-mnist'],
        ):
            subprocess.run(  # noqa: S603 a list of our own words
                ['apt-get', *words],  # noqa: S607
                check=True,
                capture_output=True,
                timeout=120,
            )
    # Debian compresses the files anew, so its package manager vouches for them.
    for name in FILES:
        packed = DEBIAN_FOLDER / f'{name}.gz'
        if not packed.is_file():
            raise SourceError(f'{packed} is missing')
        _write(out / name, gzip.decompress(packed.read_bytes()))
    return "Fashion-MNIST from Debian's package dataset-fashion-mnist"


def _from_download(out: Path, url: str) -> str:
    def read(name: str) -> bytes:
        return b''.join(read_url(url + name, timeout=20))

    _unpack(out, read)
    return f'Fashion-MNIST from {url}'


def _from_digits(out: Path, url: str) -> str:
    from sklearn.datasets import load_digits

    digits = load_digits()
    images = np.kron(digits.images, np.ones((3, 3)))  # 8×8 to 24×24
    images = np.pad(images, ((0, 0), (2, 2), (2, 2))) * (255 / 16)
    images = images.round().astype(np.uint8)
    labels = digits.target.astype(np.uint8)
    for prefix, part in (('train', slice(0, 1297)), ('t10k', slice(1297, None))):
        count = len(labels[part])
        _write(
            out / f'{prefix}-images-idx3-ubyte',
            struct.pack('>IIII', 2051, count, 28, 28) + images[part].tobytes(),
        )
        _write(
            out / f'{prefix}-labels-idx1-ubyte',
            struct.pack('>II', 2049, count) + labels[part].tobytes(),
        )
    return "scikit-learn's digits instead of Fashion-MNIST"


SOURCES: dict[str, Callable[[Path, str], str]] = {
    'debian': _from_debian,
    'download': _from_download,
    'digits': _from_digits,
}
