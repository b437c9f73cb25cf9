"""Downloads: https only, complete or not there."""

import socket
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from cld_mm.fileio.download import SourceError, download


class _Redirect(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(302)
        self.send_header('Location', 'http://example.invalid/file')
        self.end_headers()

    def log_message(self, *args: Any) -> None: ...


def test_downloads_stay_with_https(tmp_path: Path) -> None:
    for url in ('http://example.invalid/file', 'file:///etc/passwd'):
        with pytest.raises(SourceError, match='not https'):
            download(url, tmp_path / 'a')
    server = HTTPServer(('127.0.0.1', 0), _Redirect)
    thread = threading.Thread(target=server.handle_request)
    thread.start()
    with pytest.raises(SourceError, match=r'example.invalid/file is not https'):
        download(f'http://127.0.0.1:{server.server_port}/', tmp_path / 'a')
    thread.join()
    server.server_close()


@pytest.mark.parametrize(
    'url',
    [
        'http://127.0.0.1:80@example.invalid/a',
        'http://localhost:a@example.invalid/a',
        'http://localhost.example.invalid:80/a',
        'https:///a',
        'ftp://localhost/a',
    ],
)
def test_an_address_that_looks_like_this_machines(url: str, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match='not https'):
        download(url, tmp_path / 'a')


@pytest.mark.parametrize(
    ('answer', 'reason'),
    [
        (b'HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc', '3 bytes read, 6 more'),
        (
            b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nabc',
            'Connection broken',
        ),
        (b'nonsense\r\n\r\n', 'cannot be downloaded'),
        (b'', 'cannot be downloaded'),
    ],
)
def test_a_download_that_is_cut_off_is_not_there(
    answer: bytes, reason: str, tmp_path: Path
) -> None:
    with socket.create_server(('127.0.0.1', 0)) as server:

        def serve() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(2**16)
                connection.sendall(answer)

        thread = threading.Thread(target=serve)
        thread.start()
        url = f'http://127.0.0.1:{server.getsockname()[1]}/a.tar'
        with pytest.raises(SourceError, match=reason):
            download(url, tmp_path / 'a.tar')
        thread.join()
    assert list(tmp_path.iterdir()) == []
