"""Archives cannot write outside their folder."""

import contextlib
import io
import tarfile
from pathlib import Path

import pytest

from cld_mm.datasets.preparation.archives import unpack
from cld_mm.fileio.download import SourceError


@pytest.mark.parametrize('kind', ['parent', 'absolute', 'link', 'hard link'])
def test_an_archive_cannot_leave_its_folder(kind: str, tmp_path: Path) -> None:
    packed, target = tmp_path / 'a.tar', tmp_path / 'inside'
    target.mkdir()
    names = {'parent': '../out', 'absolute': str(tmp_path / 'out')}
    entry = tarfile.TarInfo(names.get(kind, 'door'))
    with tarfile.open(packed, 'w') as archive:
        if kind in names:
            entry.size = 1
            archive.addfile(entry, io.BytesIO(b'x'))
        else:
            entry.type = tarfile.SYMTYPE if kind == 'link' else tarfile.LNKTYPE
            entry.linkname = '../'
            archive.addfile(entry)
    with contextlib.suppress(SourceError):
        unpack(packed, target)
    assert not (tmp_path / 'out').exists()
    assert not (target / 'door').is_symlink()
