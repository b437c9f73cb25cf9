"""Which checkpoints are deleted once a newer one is on disk."""

from pathlib import Path
from typing import Any

from mmengine.fileio import LocalBackend

from .bank_rows import remove_orphans
from .discovery import resumable
from .file_format import read_label


def delete_old(
    folder: Path, run: int, numbers: dict[str, int], newest: str, weights: bool
) -> None:
    """Delete the oldest checkpoints of a run, and bank rows without a checkpoint.

    Args:
        folder: of the checkpoints.
        run: the run's number; files of others are kept.
        numbers: how many to keep of the names that start alike; below 1: all.
        newest: name of the one just written, which is kept.
        weights: whether the run's checkpoints hold only weights.
    """
    own = [
        path
        for path in resumable([folder], weights)
        if getattr(read_label(path), 'run', None) == run
    ]
    for start, number in numbers.items():
        kept = [path for path in own if path.name.startswith(start)]
        for path in kept[number:] if number > 0 else []:
            if path.name != newest:
                path.unlink(missing_ok=True)
    remove_orphans(folder)


class RemoveLater(LocalBackend):
    """The local disk, but files are only removed by ``remove_all_but``."""

    def __init__(self) -> None:
        self.waiting: set[str] = set()

    def remove(self, filepath: Any) -> None:
        """Note the file."""
        self.waiting.add(str(filepath))

    def remove_all_but(self, kept: set[str]) -> None:
        """Remove the noted files except these."""
        for path in self.waiting - kept:
            Path(path).unlink(missing_ok=True)
        self.waiting.clear()
