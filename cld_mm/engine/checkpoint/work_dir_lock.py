"""One run at a time trains in a work dir: two would overwrite each other's files."""

import errno
import os
import socket
from pathlib import Path
from typing import TextIO

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

from mmengine.logging import print_log

from .file_format import CheckpointError

NAME = '.lock'


def lock(work_dir: str | Path) -> TextIO | None:
    """Take the work dir for this process until the file is closed or the process ends.

    A POSIX lock: the kernel gives it back however the process ends, and loader
    processes, which may outlive their rank by seconds, do not have it.

    Returns:
        The open file, or None where the system or the file system has no such locks,
        with a warning.

    Raises:
        CheckpointError: another process has it.
    """
    path = Path(work_dir) / NAME
    path.parent.mkdir(parents=True, exist_ok=True)
    if fcntl is None:
        print_log(
            f'{work_dir} is not locked, since this system has no POSIX locks: do not '
            'start two runs in it.',
            'current',
            30,
        )
        return None
    file = open(path, 'a+')  # noqa: SIM115 held open for the run
    try:
        fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        file.seek(0)
        owner = ' '.join(file.read(200).split()) or 'unknown'
        file.close()
        if error.errno in (errno.EACCES, errno.EAGAIN):
            raise CheckpointError(
                f'another run ({owner}) is training in {work_dir}: name another one by '
                '--work-dir, or end that run.'
            ) from error
        print_log(f'{work_dir} cannot be locked ({error.strerror})', 'current', 30)
        return None
    file.truncate(0)
    file.write(f'process {os.getpid()} on {socket.gethostname()}\n')
    file.flush()
    return file
