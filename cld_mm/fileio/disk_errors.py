"""Messages for disks that fill up, go away or turn read-only."""

import errno
import logging
import os
import sys
from pathlib import Path

# errno to (what is wrong, what to do).
STATES = {
    errno.ENOSPC: ('its disk is full', 'free some space'),
    errno.EDQUOT: ('the quota is used up', 'free some space'),
    errno.EFBIG: ('files may not be that large', 'raise the limit'),
    errno.EROFS: ('it is read-only', 'make it writable'),
    errno.EACCES: ('writing is not permitted', 'allow it'),
    errno.EPERM: ('writing is not permitted', 'allow it'),
    errno.ENOENT: ('it is gone', 'restore it'),
    errno.ENOTDIR: ('a file has taken its place', 'move that away'),
    errno.EEXIST: ('a file has taken its place', 'move that away'),
    errno.EIO: ('an I/O error', 'check the disk'),
    errno.ESTALE: ('its file server is gone', 'restore it'),
}
# Those that can only come from writing, if the error names no file.
WRITING = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS)


def state_and_fix(error: OSError) -> tuple[str, str]:
    """What is wrong with a folder that cannot be written to, and what to do."""
    default = (error.strerror or 'an I/O error', 'check the disk')
    return STATES.get(error.errno or 0, default)


def unwritable(error: BaseException, work_dir: str | Path) -> str | None:
    """The message for a run that cannot write to its work dir; None for other errors.

    Args:
        error: what ended the run.
        work_dir: of the run.
    """
    if not isinstance(error, OSError) or error.errno not in STATES:
        return None
    if error.filename is None:
        if error.errno not in WRITING:
            return None
        what = f'the work dir {work_dir}'
    else:
        path = Path(os.fsdecode(error.filename)).absolute()
        if Path(work_dir).absolute() not in (path, *path.parents):
            return None
        what = f'{path} in the work dir'
    state, fix = state_and_fix(error)
    return (
        f'{what} cannot be written: {state} ({error.strerror}); '
        f'existing checkpoints are kept: {fix} and continue with --resume.'
    )


class StrictFileHandler(logging.FileHandler):
    """A log file that raises where it cannot be written.

    Python's handlers print a traceback for each line instead, and continue.
    """

    def handleError(self, record: logging.LogRecord) -> None:
        error = sys.exc_info()[1]
        if isinstance(error, OSError) and error.filename is None:
            error.filename = self.baseFilename
        raise error or RuntimeError('a log cannot be written')


def use_strict_log_files(logger: logging.Logger) -> None:
    """Let a log file that cannot be written end the run, as other files do."""
    for handler in list(logger.handlers):
        if type(handler) is logging.FileHandler:
            strict = StrictFileHandler(handler.baseFilename, encoding=handler.encoding)
            strict.setLevel(handler.level)
            strict.setFormatter(handler.formatter)
            strict.filters = handler.filters
            logger.removeHandler(handler)
            handler.close()
            logger.addHandler(strict)
