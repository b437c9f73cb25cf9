"""Downloads: https only, complete or not there."""

import socket
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from cld_mm.fileio.download import SourceError, download, open_url


class _Redirect(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(302)
        self.send_header('Location', 'http://example.invalid/file')
        self.end_headers()

    def log_message(self, *args: Any) -> None: ...


def test_downloads_stay_with_https() -> None:
    with pytest.raises(SourceError, match='not https'):
        open_url('http://example.invalid/file', timeout=1)
    with pytest.raises(SourceError, match='not https'):
        open_url('file:///etc/passwd', timeout=1)
    server = HTTPServer(('127.0.0.1', 0), _Redirect)
    thread = threading.Thread(target=server.handle_request)
    thread.start()
    with pytest.raises(SourceError, match=r'example.invalid/file is not https'):
        open_url(f'http://127.0.0.1:{server.server_port}/', timeout=5)
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
def test_an_address_that_looks_like_this_machines(url: str) -> None:
    with pytest.raises(SourceError, match='not https'):
        open_url(url, timeout=1)


@pytest.mark.parametrize(
    ('answer', 'reason'),
    [
        (b'HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc', 'ended after 3 of 9'),
        (
            b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nabc',
            'breaks off',
        ),
        (b'nonsense\r\n\r\n', 'is not HTTP'),
        (b'', 'cannot be had'),
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
