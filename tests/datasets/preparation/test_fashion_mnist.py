"""Fashion-MNIST is downloaded, or the error says why not."""

import functools
import gzip
import hashlib
import socketserver
import threading
from http.server import SimpleHTTPRequestHandler
from pathlib import Path

import pytest

from cld_mm.datasets.preparation.fashion_mnist import FILES, fetch
from cld_mm.fileio.download import SourceError


def test_fetch_downloads_or_says_why_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(SourceError, match='is not https'):
        fetch(tmp_path, 'download', 'ftp://localhost/')
    packed = {name: gzip.compress(name.encode()) for name in FILES}
    for name, content in packed.items():
        (tmp_path / f'{name}.gz').write_bytes(content)
    with socketserver.TCPServer(
        ('127.0.0.1', 0),
        functools.partial(SimpleHTTPRequestHandler, directory=str(tmp_path)),
    ) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f'http://127.0.0.1:{server.server_address[1]}/'
        with pytest.raises(SourceError, match='does not have the checksum md5'):
            fetch(tmp_path / 'a', 'download', url)
        assert not list((tmp_path / 'a').glob('*'))
        sums = {name: hashlib.md5(packed[name]).hexdigest() for name in packed}
        monkeypatch.setattr('cld_mm.datasets.preparation.fashion_mnist.FILES', sums)
        assert url in fetch(tmp_path / 'b', 'download', url)
        with pytest.raises(SourceError, match='404'):
            fetch(tmp_path / 'c', 'download', f'{url}nowhere/')
        server.shutdown()
    for name in FILES:
        assert (tmp_path / 'b' / name).read_bytes() == name.encode()
    assert 'digits' in fetch(tmp_path, 'digits')
    assert 'already' in fetch(tmp_path)
