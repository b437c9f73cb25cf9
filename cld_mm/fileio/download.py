"""Downloads over https that arrive complete or not at all, by pooch."""

import re
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit


class SourceError(OSError):
    """A source cannot give the data; the message says why."""


def require_https(url: str) -> None:
    """Raise SourceError unless an address is https, or http on this machine."""
    parts = urlsplit(url)
    # The whole host part: "http://localhost:1@elsewhere/" is not this machine.
    local = re.fullmatch(r'(127\.0\.0\.1|localhost)(:\d+)?', parts.netloc)
    secure = parts.scheme == 'https' and parts.hostname
    if not secure and not (parts.scheme == 'http' and local):
        raise SourceError(f'{url} is not https')


def _check_redirect(answer: Any, **_: Any) -> None:
    if answer.is_redirect:
        require_https(urljoin(answer.url, answer.headers['location']))


def download(url: str, path: Path, digest: str | None = None) -> None:
    """Download a file to ``path``; it is complete or not there.

    Args:
        url: an https address, or an http one of this machine.
        path: of the file; an existing one is replaced.
        digest: checksum that it must have, such as ``'md5:...'`` or ``'sha256:...'``.

    Raises:
        SourceError: the address or a redirect is not https, the file cannot be read
            to its end, or its checksum differs.
    """
    import pooch
    import requests

    require_https(url)
    pooch.get_logger().setLevel('WARNING')
    get = pooch.HTTPDownloader(timeout=60, hooks={'response': _check_redirect})
    path.unlink(missing_ok=True)
    try:
        pooch.retrieve(url, digest, path.name, path.parent, downloader=get)
    except (requests.RequestException, OSError) as error:
        reason = ' '.join(str(error).split())[:200]
        raise SourceError(
            f'{url} cannot be downloaded ({reason}): download it by hand to {path}.'
        ) from error
    except ValueError as error:  # pooch's for a wrong checksum
        raise SourceError(
            f'{url} does not have the checksum {digest}: it is damaged or not the '
            'published file; try again, or download it from elsewhere.'
        ) from error
