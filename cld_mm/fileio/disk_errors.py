"""What a disk that fills up, goes away or turns read-only means for a run."""

import errno
import logging
import os
import sys
from pathlib import Path

# errno to (what it is, what to do).
STATES = {
    errno.ENOSPC: ('its disk is full', 'make room'),
    errno.EDQUOT: ('the quota is used up', 'make room'),
    errno.EFBIG: ('files may not be that large', 'raise the limit'),
    errno.EROFS: ('it is read-only', 'make it writable'),
    errno.EACCES: ('writing is not allowed', 'allow it'),
    errno.EPERM: ('writing is not allowed', 'allow it'),
    errno.ENOENT: ('it is gone', 'bring it back'),
    errno.ENOTDIR: ('a file has taken its place', 'move that away'),
    errno.EEXIST: ('a file has taken its place', 'move that away'),
    errno.EIO: ('its disk fails', 'mend that'),
    errno.ESTALE: ('its file server is gone', 'bring it back'),
}
# Those that can only come from writing, where the error names no file.
WRITING = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS)


def state_and_cure(error: OSError) -> tuple[str, str]:
    """What is wrong with a folder that cannot be written to, and what to do."""
    default = (error.strerror or 'its disk fails', 'mend that')
    return STATES.get(error.errno or 0, default)


def unwritable(error: BaseException, work_dir: str | Path) -> str | None:
    """The sentence for a run that cannot write to its work dir; None for other errors.

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
    state, cure = state_and_cure(error)
    return (
        f'{what} cannot be written: {state} ({error.strerror}); '
        f'checkpoints that are there are kept: {cure} and go on with --resume.'
    )


def end_with_the_log(logger: logging.Logger) -> None:
    """Let a log file that cannot be written end the run, as other files do.

    Python's handlers print a traceback for each line instead, and go on.
    """

    def fail(record: logging.LogRecord) -> None:
        error = sys.exc_info()[1]
        if isinstance(error, OSError) and error.filename is None:
            error.filename = path
        raise error or RuntimeError('a log cannot be written')

    for handler in logger.handlers:
        if isinstance(handler, logging.FileHandler):
            path = handler.baseFilename
            handler.handleError = fail  # type: ignore[method-assign]
