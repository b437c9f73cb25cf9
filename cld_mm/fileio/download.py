"""Downloads over https that arrive whole or not at all."""

import os
import re
import urllib.request
from collections.abc import Iterator
from http.client import HTTPException
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit


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


def download(url: str, path: Path) -> None:
    """Stream a file to ``path``; it is whole or not there.

    Raises:
        SourceError: the address is not https, or it cannot be read to its end.
    """
    partial = path.with_name(path.name + '.part')
    try:
        with partial.open('wb') as file:
            for block in read_url(url, timeout=60):
                file.write(block)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise SourceError(
            f'{url} cannot be had ({error}): fetch it by hand and put it at {path}.'
        ) from error
    os.replace(partial, path)
