"""Folders and files that archivers, file servers and notebooks leave among images."""

JUNK_FOLDERS = {
    '__MACOSX',  # macOS archives
    '@eaDir',  # Synology thumbnails
    '#recycle',
    '#snapshot',
    '$RECYCLE.BIN',
    'System Volume Information',
    'lost+found',
    '__pycache__',
}


def is_junk(name: str) -> bool:
    """Whether a folder or file of this name is never data: hidden, or a system's."""
    return name.startswith('.') or name in JUNK_FOLDERS
