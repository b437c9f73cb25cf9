"""Digests of files."""

import hashlib
from pathlib import Path


def sha256_of(path: str | Path, length: int | None = None) -> str:
    """SHA-256 of a file in hexadecimal digits.

    Args:
        path: of the file.
        length: hash only so many of its first bytes.
    """
    digest = hashlib.sha256()
    left = float('inf') if length is None else length
    with open(path, 'rb') as file:
        while block := file.read(int(min(left, 2**20))):
            digest.update(block)
            left -= len(block)
    return digest.hexdigest()
