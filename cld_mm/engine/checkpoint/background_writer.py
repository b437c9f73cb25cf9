"""CheckpointWriter: writes checkpoints while training continues."""

import copy
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from .file_format import CheckpointError, write_checkpoint


def snapshot(value: Any) -> Any:
    """A deep copy of nested dicts and lists, with tensors in CPU memory."""
    if isinstance(value, torch.Tensor):
        return value.detach().to('cpu', copy=True)
    if isinstance(value, dict):
        copied: Any = type(value)()
        for key, item in value.items():
            copied[key] = snapshot(item)
        if hasattr(value, '_metadata'):  # a state_dict's versions of modules
            copied._metadata = copy.deepcopy(value._metadata)
        return copied
    if type(value) in (list, tuple):
        return type(value)(snapshot(item) for item in value)
    return copy.deepcopy(value)


class CheckpointWriter:
    """Copies a checkpoint at once and writes it in a thread, one at a time.

    A second checkpoint waits until the first is on disk, so memory holds at most one
    copy. An error of the thread is raised by ``check`` and ``wait``.
    """

    def __init__(self) -> None:
        self._thread: threading.Thread | None = None
        self._error: BaseException | None = None

    def submit(
        self,
        checkpoint: dict,
        path: str | Path,
        then: Callable[[], None] | None = None,
    ) -> None:
        """Copy the state and start writing it.

        Args:
            checkpoint: the state; may change as soon as this returns.
            path: file to write.
            then: called in the thread once the file is written and verified.

        Nothing is written after an error, such as a full disk.
        """
        self._join()
        if self.failed:
            return  # raised on all ranks at their next exchange
        copied = snapshot(checkpoint)
        # Not a daemon: the interpreter waits for it, also after an error.
        self._thread = threading.Thread(
            target=self._write, args=(copied, Path(path), then), name='checkpoint'
        )
        self._thread.start()

    def _write(
        self, checkpoint: dict, path: Path, then: Callable[[], None] | None
    ) -> None:
        try:
            write_checkpoint(checkpoint, path)
            if then is not None:
                then()
        except BaseException as error:
            self._error = error

    def wait(self) -> None:
        """Return when nothing is being written."""
        self._join()
        self.check()

    def _join(self) -> None:
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    @property
    def failed(self) -> bool:
        """Whether an error waits to be raised."""
        return self._error is not None

    def check(self) -> None:
        """Raise the thread's error, if any, in the caller."""
        error, self._error = self._error, None
        if isinstance(error, CheckpointError):
            raise error
        if error is not None:
            raise CheckpointError(
                f'writing a checkpoint failed ({type(error).__name__}: {error}); the '
                'older ones are kept: continue with --resume.'
            ) from error
