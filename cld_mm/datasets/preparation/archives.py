"""Archives of public datasets: download, check, unpack.

An archive is checked by its published MD5 sum before it is unpacked; nothing in it can
leave the target folder.
"""

import tarfile
from pathlib import Path
from typing import NamedTuple

from cld_mm.fileio.download import SourceError, download


class Archive(NamedTuple):
    """A published archive.

    Attributes:
        url: where it is.
        md5: of the whole file, as published.
        folder: where it goes, under the data folder.
        holds: a path inside that shows it has been unpacked.
    """

    url: str
    md5: str
    folder: str
    holds: str


ARCHIVES = {
    'cifar10': Archive(
        'https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz',
        'c58f30108f718f92721af3b95e74349a',
        'CIFAR-10',
        'cifar-10-batches-py/test_batch',
    ),
    'cifar100': Archive(
        'https://www.cs.toronto.edu/~kriz/cifar-100-python.tar.gz',
        'eb9058c3a382ffc7106e4002c42a8d85',
        'CIFAR-100',
        'cifar-100-python/test',
    ),
    'stl10': Archive(
        'https://cs.stanford.edu/~acoates/stl10/stl10_binary.tar.gz',
        '91f7769df0f17e558f3565bffb0c7dfb',
        'STL-10',
        'stl10_binary/test_X.bin',
    ),
}


def fetch_archive(archive: Archive, data: Path) -> str:
    """Download and unpack, unless that is done; returns what happened.

    Args:
        archive: what to get.
        data: folder of all datasets.

    Raises:
        SourceError: the download failed or its sum is wrong.
    """
    from pooch import file_hash

    target = data / archive.folder
    if (target / archive.holds).exists():
        return f'{target} is already there.'
    target.mkdir(parents=True, exist_ok=True)
    digest = f'md5:{archive.md5}'
    packed = target / archive.url.rsplit('/', 1)[-1]
    if not packed.is_file() or file_hash(str(packed), 'md5') != archive.md5:
        download(archive.url, packed, digest)
    unpack(packed, target)
    if not (target / archive.holds).exists():
        raise SourceError(
            f'{packed} does not hold {archive.holds}: download it by hand.'
        )
    return f'{target} is ready.'


def unpack(path: Path, target: Path) -> None:
    """Unpack a tar archive; an entry that would leave ``target`` is an error."""
    try:
        with tarfile.open(path) as archive:
            archive.extractall(target, filter='data')
    except tarfile.TarError as error:
        raise SourceError(f'{path} cannot be unpacked: {error}.') from error
