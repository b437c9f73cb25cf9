"""command_line: the context that every command-line tool does its work in."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from .error_messages import Run, describe, tell_other_ranks


@contextmanager
def command_line(debug: bool = False) -> Iterator[Run]:
    """Read files without running them, and turn exceptions into one line on stderr.

    Args:
        debug: let an exception through with its traceback instead.

    Yields:
        Where the tool notes its config and the parts that it builds; an error that
        names no setting then says which part it comes from.
    """
    run = Run()
    try:
        from mmengine.logging import MMLogger

        import cld_mm.registry  # noqa: F401  the version shims come before mmengine
        from cld_mm.compat.known_warnings import ignore_known_warnings
        from cld_mm.fileio.secure_mmengine import secure_mmengine
        from cld_mm.fileio.terminal_log import log_warnings, shorten_terminal_log

        ignore_known_warnings()
        secure_mmengine()
        shorten_terminal_log(MMLogger.get_current_instance())
        log_warnings()
        yield run
    except KeyboardInterrupt:
        if debug:
            raise
        _exit('stopped by the keyboard.', 130)
    except Exception as error:
        message, code = describe(error, run)
        tell_other_ranks(error, message)
        if debug:
            raise
        _exit(f'error: {message}', code)


def _exit(message: str, code: int) -> None:
    from cld_mm.distributed.exit_message import write_exit_message

    write_exit_message(message)
    sys.exit(code)
