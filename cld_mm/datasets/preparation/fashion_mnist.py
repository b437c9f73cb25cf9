"""Get Fashion-MNIST's four files, or digits in their layout.

Sources in order: Debian's package ``dataset-fashion-mnist`` (31 MB, MIT license),
the authors' download, scikit-learn's digits where neither is available. apt-get runs
only as root or after a question, and is printed first.
"""

import gzip
import os
import shutil
import struct
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np

from cld_mm.fileio.download import SourceError, download

FASHION_MNIST_URL = (
    'https://github.com/zalandoresearch/fashion-mnist/raw/master/data/fashion/'
)
DEBIAN_PACKAGE = 'dataset-fashion-mnist'
DEBIAN_FOLDER = Path('/usr/share/datasets/fashion-mnist')
# MD5 of the compressed files, as their authors publish them.
FILES = {
    'train-images-idx3-ubyte': '8d4fb7e6c68d591d4c3dfef9ec88bf0d',
    'train-labels-idx1-ubyte': '25c81989df183df01b3e8a0aad5dffbe',
    't10k-images-idx3-ubyte': 'bef4ecab320f06d8554ea6380940ec79',
    't10k-labels-idx1-ubyte': 'bb300cfdad3c16e7a12a480ee83cd310',
}


def fetch(out: Path, source: str = 'auto', url: str = FASHION_MNIST_URL) -> str:
    """Put the four uncompressed files into ``out``; keep them if they are there.

    Args:
        out: target folder, created if needed.
        source: 'auto' or one of :data:`SOURCES`.
        url: folder of the ``.gz`` files.

    Returns:
        A line that says where the data came from.

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
        f'Fashion-MNIST is not available: {"; ".join(reasons)}. Put its '
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


def _from_debian(out: Path, url: str) -> str:
    if not DEBIAN_FOLDER.is_dir():
        _install_debian_package()
    # Debian compresses the files anew, so its package manager vouches for them.
    for name in FILES:
        packed = DEBIAN_FOLDER / f'{name}.gz'
        if not packed.is_file():
            raise SourceError(f'{packed} is missing')
        _write(out / name, gzip.decompress(packed.read_bytes()))
    return f"Fashion-MNIST from Debian's package {DEBIAN_PACKAGE}"


def _install_debian_package() -> None:
    """Install it where that is certainly wanted: a user says yes, or root runs this."""
    if shutil.which('apt-get') is None:
        raise SourceError('apt-get is not available here')
    root = hasattr(os, 'geteuid') and os.geteuid() == 0
    command = f'{"" if root else "sudo "}apt-get install -q -y {DEBIAN_PACKAGE}'
    if sys.stdin.isatty():
        if input(f'Run "{command}" (31 MB)? [y/N] ').strip().lower() != 'y':
            raise SourceError('the package was declined')
    elif not root:
        raise SourceError(f'the package is not installed ({command})')
    print(f'running {command}', flush=True)
    update = [*command.split()[: 1 if root else 2], 'update', '-q']
    for words in (update, command.split()):
        subprocess.run(  # noqa: S603 a list of our own words
            words, check=True, stdout=subprocess.DEVNULL, timeout=120
        )


def _from_download(out: Path, url: str) -> str:
    for name, digest in FILES.items():
        packed = out / f'{name}.gz'
        packed.parent.mkdir(parents=True, exist_ok=True)
        download(f'{url}{name}.gz', packed, f'md5:{digest}')
        _write(out / name, gzip.decompress(packed.read_bytes()))
        packed.unlink()
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
